"""``batchin mcp``: connect desktop clients, which start a program and talk to it by pipes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.failure import USAGE, CommandFailed, tell
from server.commands.options import Config, DataDir

if TYPE_CHECKING:
    from server.bridge.wallet import Wallet

_KEY = "BATCHIN_API_KEY"


def mcp(
    url: Annotated[
        str | None,
        typer.Argument(
            help="Server to connect to (default: the one that runs on the data dir).", show_default=False
        ),
    ] = None,
    stdio: Annotated[
        bool,
        typer.Option("--stdio", help="Serve MCP on standard input and output, as clients start it."),
    ] = False,
    wallet: Annotated[
        Path | None,
        typer.Option(
            help="Key file of the wallet that pays; made when there is none. Instead of an API key.",
            show_default=False,
            dir_okay=False,
        ),
    ] = None,
    max_per_call: Annotated[
        str, typer.Option(help="Most dollars that the wallet pays for one call.")
    ] = "0.10",
    budget: Annotated[
        str, typer.Option(help="Most dollars that the wallet pays in all, remembered beside its key.")
    ] = "1.00",
    rpc_url: Annotated[
        str | None,
        typer.Option(
            help="Node of the wallet's chain: with it a call costs what it used (scheme upto), by one "
            "signature for the most.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Connect a desktop client: Claude Desktop, Cursor, VS Code and their like.

    Without --stdio: print what to write into the settings of each client. With it: pass messages between
    the client and the server, paying with the API key in BATCHIN_API_KEY or with a wallet's USDC.
    """
    import os

    from server.commands.running import url_of

    key = os.environ.get(_KEY)
    if key and wallet:
        raise CommandFailed(f"Both {_KEY} and --wallet are given.", "Pay with one of them.", USAGE)
    server = url_of(url, data_dir, config)
    payer = _wallet(wallet, max_per_call, budget, server, rpc_url) if wallet else None
    if not stdio:
        _show(server, wallet, payer)
        return
    import asyncio

    from server.bridge.bridge import bridge

    if payer is not None:
        tell(f"paying from {payer.address}, at most ${max_per_call} a call and ${budget} in all")
    asyncio.run(bridge(server, key, payer))


def _wallet(file: Path, max_per_call: str, budget: str, server: str, rpc_url: str | None) -> "Wallet":
    from base.money import usd_to_nano
    from base.secret_file import file_secret
    from server.bridge.purse import Limits, Purse
    from server.bridge.wallet import Wallet

    try:
        limits = Limits(usd_to_nano(max_per_call), usd_to_nano(budget))
    except ValueError as error:
        raise CommandFailed(f"{error}.", "Give dollars like 0.10.", USAGE) from None
    return Wallet(file_secret(file), Purse(file.with_suffix(".state"), limits), server, rpc_url)


def _show(server: str, wallet: Path | None, payer: "Wallet | None") -> None:
    from server.bridge.snippets import snippets

    for client in snippets(server, wallet):
        typer.echo(f"{client.name}: {client.where}\n\n{client.text}\n")
    if payer is not None:
        typer.echo(f"The wallet's address is {payer.address}: send USDC to it. It needs no gas.")
