"""Looks up names for outbound requests in threads of its own: a name server that stalls holds up nothing
else of this process."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_THREADS: Final = 8
_FLAGS: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class SystemResolver(AbstractResolver):
    """The machine's own look-up (hosts file, DNS)."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="outbound-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, _look_up, host, port, family
        )
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=proto, flags=int(_FLAGS)
            )
            for kind, proto, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int) -> list[tuple[int, int, str]]:
    found = socket.getaddrinfo(host, port, socket.AddressFamily(family), socket.SOCK_STREAM)
    return [(kind, proto, str(where[0])) for kind, _, proto, _, where in found]
