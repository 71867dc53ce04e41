"""What ``verify --online`` asks: a node of the chain, and the registration file."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson

from server.admin import AdminClient, NoServer
from server.commands.failure import USAGE, CommandFailed
from server.operations import OperationFailed
from settlement.evidence.verdict import Findings, Verdict

_DEV_CHAIN: Final = 31337
_CONFIRMATIONS: Final = 12
_FILE_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON-RPC node, and from how many blocks on it is believed; None: by its chain."""

    rpc_url: str
    confirmations: int | None


def node_of(rpc: str | None, folder: Path, confirmations: int | None) -> Node:
    """The node that was named, else that of the server on the data dir. Raises CommandFailed."""
    if rpc is not None and not rpc.startswith(("http://", "https://")):
        raise CommandFailed("--rpc is no URL.", "Give one like https://node.example.", USAGE)
    found = rpc or asyncio.run(_local(folder))
    if not found:
        raise CommandFailed("No chain is known here.", "Name a node of it with --rpc URL.", USAGE)
    return Node(found, confirmations)


async def asked_online(verdict: Verdict, bundle: Any, node: Node) -> Verdict:
    """The verdict with the checks of the chain."""
    from settlement.agent.online import OnlineVerifier
    from settlement.chain.client import ChainClient
    from settlement.chain.errors import ChainUnavailable, RpcRefused

    findings = Findings(verdict.checks)
    async with ChainClient(lambda: node.rpc_url) as client:
        try:
            dev = await client.chain_id() == _DEV_CHAIN
        except (ChainUnavailable, RpcRefused):
            dev = False
        async with _Files(dev) as files:
            final = node.confirmations or (1 if dev else _CONFIRMATIONS)
            await OnlineVerifier(client, files.json, final).check(findings, bundle)
    return findings.verdict(verdict.record_id)


class _Files:
    """Reads JSON from URLs that a chain names: public ones, and loopback for a development chain."""

    def __init__(self, loopback: bool) -> None:
        from base.outbound.addresses import network_of
        from base.outbound.client import Outbound
        from base.outbound.guard import Guard

        own = ("127.0.0.0/8", "::1/128") if loopback else ()
        self._outbound = Outbound(Guard([network_of(text) for text in own]))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._outbound.aclose()

    async def json(self, url: str) -> Any:
        """Raises ValueError, OSError."""
        from base.outbound.guard import OutboundFailed

        try:
            fetched = await self._outbound.fetch(url, _FILE_BYTES, "application/json")
        except OutboundFailed as error:
            raise OSError(error.reason) from None
        return orjson.loads(fetched.body)


async def _local(folder: Path) -> str | None:
    try:
        info = await AdminClient(folder).info()
    except (NoServer, OperationFailed):
        return None
    return info.get("rpc_url")
