"""``batchin validator``: an independent validator of another server."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from server.validator.validator import Validator


def validator(
    server: Annotated[str, typer.Argument(help="URL of the server to validate.", metavar="SERVER")],
    rpc: Annotated[str, typer.Option(help="JSON-RPC node of the chain.")],
    folder: Annotated[
        Path, typer.Option(help="Folder of the validator's key, memory and reports.", file_okay=False)
    ],
    registry: Annotated[
        str | None,
        typer.Option(help="Validation Registry (default: the chain's known one).", show_default=False),
    ] = None,
    log_key: Annotated[
        str | None,
        typer.Option(help="Verifier key of the log (default: the first one seen).", show_default=False),
    ] = None,
    probe: Annotated[
        Path | None,
        typer.Option(
            help="A call to make each round and to judge later: JSON {path, request}. Pays with the key "
            "in BATCHIN_API_KEY.",
            dir_okay=False,
            exists=True,
            show_default=False,
        ),
    ] = None,
    report_url: Annotated[
        str,
        typer.Option(help="Where the reports are served, without the file name.", show_default=False),
    ] = "",
    every: Annotated[float, typer.Option(help="Seconds between rounds.", min=1)] = 30.0,
    once: Annotated[bool, typer.Option("--once", help="Make one round and end.")] = False,
) -> None:
    """Answer a server's validation requests on chain (ERC-8004).

    Needs nothing of that server but its URL: computes its log anew from the entries, checks that each
    anchored checkpoint continues what it saw before, calls it as a customer, checks the records of those
    calls, and asks twice. Answers 0 to 100; 0 where the log does not hold. Requests of other agents than
    that server's are left alone. The key is FOLDER/validator.key; its wallet pays the gas.
    """
    import asyncio

    asyncio.run(
        _run(
            _Options(server.rstrip("/"), rpc, folder, registry, log_key, probe, report_url, every, once)
        )
    )


@dataclass(frozen=True, slots=True)
class _Options:
    server: str
    rpc: str
    folder: Path
    registry: str | None
    log_key: str | None
    probe: Path | None
    report_url: str
    every: float
    once: bool


async def _run(options: _Options) -> None:
    from contextlib import AsyncExitStack

    from storage.lock import DataDirLock

    with DataDirLock(options.folder, "batchin validator"):
        async with AsyncExitStack() as stack:
            made = await _made(options, stack)
            typer.echo(f"Validator {made.steps.manager.address} of {options.server}", err=True)
            await _rounds(options, made)


async def _made(options: _Options, stack: Any) -> "Validator":
    import anyio

    from base.clock import SystemClock
    from server.client import http_client
    from server.commands.failure import CommandFailed
    from server.tables import DATABASE, TABLES
    from server.validator.audit import Auditor
    from server.validator.memory import Memory
    from server.validator.validator import Validator
    from settlement.agent.steps import Steps
    from settlement.chain.client import ChainClient
    from settlement.chain.erc8004.addresses import registries_of
    from settlement.chain.keys import file_signer
    from settlement.chain.transactions import TransactionManager
    from storage.migrate import upgrade
    from storage.sqlite import open_store

    client = await stack.enter_async_context(ChainClient(lambda: options.rpc))
    chain_id = await client.chain_id()
    known = registries_of(chain_id)
    registry = options.registry or (known.validation if known else "")
    if not registry or not await client.code(registry):
        raise CommandFailed(
            f"No Validation Registry stands on eip155:{chain_id}.", "Name one with --registry."
        )
    await anyio.to_thread.run_sync(upgrade, options.folder / DATABASE)
    store = await open_store(options.folder / DATABASE, TABLES)
    stack.push_async_callback(store.close)
    first = await client.request("eth_getBlockByNumber", "0x0", False)
    signer = await file_signer(options.folder / "validator.key")
    manager = TransactionManager(
        store, client, signer, f"eip155:{chain_id}", str(first["hash"]), SystemClock()
    )
    await manager.open()
    stack.push_async_callback(manager.close)
    memory = Memory.read(options.folder / "memory.json")
    memory.log_key = options.log_key or memory.log_key
    http = await stack.enter_async_context(http_client(options.server))
    auditor = Auditor(http, memory)
    return Validator(
        client, registry, Steps(client, manager, 120.0), auditor, options.folder, options.report_url
    )


async def _rounds(options: _Options, made: "Validator") -> None:
    import asyncio

    from base.errors import BatchinError
    from server.commands.failure import CommandFailed
    from settlement.chain.abi import UnexpectedAnswer
    from settlement.chain.errors import RpcRefused

    while True:
        try:
            for answered in await made.round():
                typer.echo(
                    f"{answered.digest} {answered.score} in {answered.transaction}, "
                    f"{answered.gas_used} gas; report {answered.report}"
                )
            await _probe(options, made)
        except (BatchinError, RpcRefused, UnexpectedAnswer) as error:
            if options.once:
                raise CommandFailed(f"This round failed: {error}") from error
            typer.echo(f"This round failed: {error}", err=True)
        if options.once:
            return
        await asyncio.sleep(options.every)


async def _probe(options: _Options, made: "Validator") -> None:
    if options.probe is None:
        return
    import os

    from server.commands.failure import CommandFailed
    from server.commands.sources import read_json

    key = os.environ.get("BATCHIN_API_KEY", "")
    if not key:
        raise CommandFailed("--probe needs a key.", "Put an API key of the server into BATCHIN_API_KEY.")
    asked = read_json(options.probe)
    if not (isinstance(asked, dict) and isinstance(asked.get("request"), dict) and "path" in asked):
        raise CommandFailed(f"{options.probe} is no probe.", 'It holds {"path": ..., "request": {...}}.')
    await made.auditor.probe(str(asked["path"]), asked["request"], key)
    made.auditor.memory.save()
