"""Writes ``shapes.json`` anew from a real server: ``python -m tests.contract.sglang.record``."""

import asyncio
from pathlib import Path
from typing import Any, Final

import orjson

from tests.contract.sglang.peers import real_peers
from tests.contract.sglang.probes import PROBES, answer

SHAPES: Final = Path(__file__).with_name("shapes.json")


def recorded() -> dict[str, Any]:
    """What the real server answered when it was last asked."""
    told: dict[str, Any] = orjson.loads(SHAPES.read_bytes())
    return told


async def record() -> None:
    async with real_peers() as peers:
        told = {name: await answer(peers, probe) for name, probe in PROBES.items()}
    SHAPES.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    asyncio.run(record())
