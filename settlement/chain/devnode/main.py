"""The node's process: ``python -m settlement.chain.devnode.main``, started by DevChain."""

import asyncio
import logging
import signal
import time
from functools import partial
from pathlib import Path

from base.parent import Parent, attach
from settlement.chain.devnode import rpc
from settlement.chain.devnode.disk import Disk
from settlement.chain.devnode.evm import Evm
from settlement.chain.devnode.methods import Methods
from settlement.chain.devnode.web import Door


def main() -> None:
    parent = attach()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    disk = Disk(Path(parent.request["folder"]) / "chain.db")
    try:
        asyncio.run(_serve(parent, disk))
    finally:
        disk.close()


async def _serve(parent: Parent, disk: Disk) -> None:
    """Serve until SIGTERM. The port is kept in the chain's file, so that a restart keeps the URL."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    evm = Evm(disk, lambda: int(time.time()))
    door = Door(partial(rpc.answer, Methods(evm, disk).table))
    port = await door.open(int(disk.fact("port") or 0))
    disk.set_fact("port", str(port))
    parent.ready(port=port, genesis=evm.genesis)
    try:
        await stopped.wait()
    finally:
        await door.close()


if __name__ == "__main__":
    main()
