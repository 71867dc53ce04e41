"""The server that the demo talks to: the one that runs on the data dir, else one of its own."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from base.child import Program, start
from server.admin import AdminClient, NoServer
from server.operations import Office

_READY_S = 120.0
_STOP_S = 40.0


@dataclass(frozen=True, slots=True)
class NewcomerKey:
    """The key of the account that a first start makes, which is shown once."""

    key: str
    balance_nano_usd: int


@dataclass(frozen=True, slots=True)
class Host:
    """A running server, as its operator knows it. ``rpc_url`` and ``usdc`` are of the dev chain;
    ``made`` is set when this demo was the data dir's first start."""

    url: str
    rpc_url: str
    network: str
    usdc: str
    pid: int
    version: str
    office: Office
    made: NewcomerKey | None = None


class NoDevChain(Exception):
    """The demo pays with play money: it needs a server on the dev chain."""


async def find_host(data_dir: Path) -> Host | None:
    """The server that runs on a data dir; None when none does.

    Raises OperationFailed while it starts, NoDevChain when it settles elsewhere.
    """
    admin = AdminClient(data_dir)
    try:
        info = await admin.info()
    except NoServer:
        return None
    return _host(info, admin)


@asynccontextmanager
async def own_host(data_dir: Path, config: Path | None) -> AsyncIterator[Host]:
    """Start a server on a free port and stop it at the end; it dies with this process in any case.

    Raises ChildFailed with the server's last words.
    """
    program = Program(
        name="batchin serve",
        module="server.demo.hosted",
        request={"data_dir": str(data_dir), "config": _config(config)},
        env={key: value for key, value in os.environ.items() if key.startswith("BATCHIN_")},
        ready_s=_READY_S,
        stop_s=_STOP_S,
    )
    child = await start(program)
    try:
        admin = AdminClient(data_dir)
        yield replace(_host(await admin.info(), admin), made=_made(child.facts))
    finally:
        await child.stop()


def _host(info: dict[str, Any], office: Office) -> Host:
    if info["rpc_url"] is None:
        raise NoDevChain("The server has no dev chain: the demo needs x402 = true and network = dev.")
    return Host(
        url=info["url"],
        rpc_url=info["rpc_url"],
        network=info["network"],
        usdc=info["usdc"],
        pid=info["pid"],
        version=info["version"],
        office=office,
    )


def _made(facts: Mapping[str, Any]) -> NewcomerKey | None:
    key = facts["first_key"]
    return None if key is None else NewcomerKey(key, facts["first_balance_nano_usd"])


def _config(given: Path | None) -> str | None:
    """The child runs elsewhere: what it would find by a relative name is named in full."""
    path = given or Path("batchin.toml")
    return str(path.absolute()) if given or path.is_file() else None
