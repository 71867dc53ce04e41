"""``batchin agent``: the server as an agent of ERC-8004."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from server.commands.options import AsJson, Config, DataDir

_SHOWN: Final = (
    "network", "identity_registry", "agent_registry", "agent_id", "owner", "wallet", "uri", "anchor",
    "anchor_key", "anchor_key_appointed", "anchor_key_balance_wei", "anchoring", "reason",
)  # fmt: skip


def group() -> typer.Typer:
    """register, status, set-wallet, anchor."""
    app = typer.Typer(
        help="Register the running server as an agent of ERC-8004, and look after its anchors.",
        no_args_is_help=True,
    )
    app.command("register")(_register)
    app.command("status")(_status)
    app.command("set-wallet")(_set_wallet)
    app.command("anchor")(_anchor)
    return app


def _register(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Register the server, and let its anchor key write checkpoints of the log.

    Sends up to four transactions with the owner's key (keys/agent_owner.key, or [agent] owner_key): it
    registers, approves the AnchorKeeper and appoints the anchor key. Run it again at any time: only what
    is missing is done.
    """
    _show(_asked(data_dir, config, "agent.register"), as_json)


def _status(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Show what the chain says of the agent, and the last anchor."""
    _show(_asked(data_dir, config, "agent.status"), as_json)


def _anchor(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Anchor what is new now, instead of when it is due."""
    _show(_asked(data_dir, config, "agent.anchor"), as_json)


def _set_wallet(
    key_file: Annotated[
        Path | None,
        typer.Option(help="Key file of the wallet (64 hex digits, mode 0600).", show_default=False),
    ] = None,
    wallet: Annotated[
        str | None,
        typer.Option(help="Its address, to sign elsewhere: prints what to sign.", show_default=False),
    ] = None,
    deadline: Annotated[
        int | None, typer.Option(help="The deadline that was signed.", show_default=False)
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="The signature, 0x and hex.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make the wallet that x402 pays the agent's, so that anyone can check who was paid.

    By default with the key in keys/pay_to.key. A wallet whose key is elsewhere: give its address, sign
    the typed data (EIP-712) that is printed within four minutes, and run this again with the signature.
    """
    from server.commands.show import show_json

    told = {
        "key_file": None if key_file is None else str(key_file.resolve()),
        "wallet": wallet,
        "deadline": deadline,
        "signature": signature,
    }
    given = {name: value for name, value in told.items() if value is not None}
    answer = _asked(data_dir, config, "agent.set_wallet", **given)
    if "to_sign" in answer:
        show_json(answer["to_sign"])
    else:
        _show(answer, as_json)


def _asked(data_dir: Path | None, config: Path | None, operation: str, **arguments: Any) -> Any:
    """Only a running server has the chain. Raises CommandFailed without one."""
    import asyncio

    from server.admin import AdminClient, NoServer
    from server.commands.failure import CommandFailed
    from server.commands.office import folder_of

    folder = folder_of(data_dir, config)
    try:
        return asyncio.run(AdminClient(folder).call(operation, **arguments))
    except NoServer:
        raise CommandFailed(
            f"No server runs on {folder}.", "Start it with batchin serve: the agent is that server."
        ) from None


def _show(status: dict[str, Any], as_json: bool) -> None:
    from server.commands.show import show_json, show_table

    if as_json:
        show_json(status)
        return
    rows = [(name, str(status[name])) for name in _SHOWN if status.get(name) not in (None, "")]
    last = status.get("last_anchor") or {}
    rows += [(f"last anchor {name}", str(value)) for name, value in last.items() if value is not None]
    show_table(("", "value"), rows)
