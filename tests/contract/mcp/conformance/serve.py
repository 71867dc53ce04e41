"""One worker of the conformance server: ``python -m`` this module, a port and a folder."""

import asyncio
import sys
from pathlib import Path

import uvicorn

from server.guard import guarded
from tests.contract.mcp.conformance.door import FixtureDoor
from tests.contract.mcp.conformance.shared_store import shared_store
from tools.tasks.tables import TABLES


async def serve(port: int, folder: Path) -> None:
    """Serve the fixtures on loopback until the process is told to stop. ``folder`` is what the workers
    share. Every answer closes its connection, so that a proxy hands each request to the next worker."""
    async with shared_store(folder / "tasks.db", TABLES) as store:
        door = FixtureDoor(f"http://127.0.0.1:{port}", folder, store)
        config = uvicorn.Config(
            door,
            host="127.0.0.1",
            port=port,
            http=guarded(10.0),
            lifespan="off",
            ws="none",
            log_level="warning",
            headers=[("connection", "close")],
        )
        async with door.running():
            watching = asyncio.create_task(door.watch())
            await uvicorn.Server(config).serve()
            watching.cancel()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
