"""An HTTP server on this machine's loopback that nobody from outside may reach: it counts who did."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Canary:
    """``requests`` are the first lines that arrived; ``answer`` is what each gets."""

    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nsecret"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head.split(b"\r\n")[0].decode())
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    """Listens on every address of this machine, IPv4 and IPv6."""
    found = Canary()
    both = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    found.port = both.getsockname()[1]
    async with await asyncio.start_server(found.serve, sock=both):
        yield found
