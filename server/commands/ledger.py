"""``batchin ledger``: the books and their proof."""

from collections.abc import Iterator
from typing import Any

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """audit, deposits."""
    app = typer.Typer(help="Prove the books, and find the deposits.", no_args_is_help=True)
    app.command("audit")(_audit)
    app.command("deposits")(_deposits)
    return app


def _audit(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Print the books, and whether everything in them fits.

    Every balance is computed again from its transfers, what is held from the open holds, and what x402
    payments received is compared with what was charged and credited, for each network and asset. A
    running server adds what its chain says of the settlements of the last half hour. Exit status: 0 when
    all fits, 1 when something differs; each difference is a sentence.
    """
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    told = operate(folder_of(data_dir, config), "ledger.audit")
    if as_json:
        show_json(told)
    else:
        _show(told)
    if not told["balanced"]:
        raise typer.Exit(1)


def _deposits(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the deposit addresses, and what was credited there on each network.

    ``path`` is that of the address's key below the extended key that deposits.xpub names (``root`` tells
    extended keys apart). What was swept meanwhile still counts: the chain knows what an address has.
    """
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json, show_table

    told = operate(folder_of(data_dir, config), "ledger.deposits")
    if as_json:
        show_json(told)
        return
    columns = ("address", "path", "network", "credited", "account", "root")
    show_table(columns, (_deposit(one) for one in told["addresses"]))


def _deposit(one: dict[str, Any]) -> tuple[str, ...]:
    credited = f"{one['credited_atomic']} atomic"
    return (one["address"], one["path"], one["network"] or "", credited, one["account_id"], one["root"])


def _show(told: dict[str, Any]) -> None:
    from server.commands.show import dollars, show_table

    show_table(("account", "accounts", "balance", "held"), _accounts(told))
    if told["payments"]:
        typer.echo("")
        show_table(
            ("network", "asset", "payments", "open", "received", "charged", "credit", "due"),
            _payments(told),
        )
    holds = told["holds"]
    typer.echo("")
    typer.echo(
        f"Open holds: {holds['calls']} of calls ({dollars(holds['calls_nano_usd'])}), "
        f"{holds['jobs']} of jobs ({dollars(holds['jobs_nano_usd'])})."
    )
    for wallet in told["gas_wallets"]:
        has = wallet["float_wei"] or "?"
        typer.echo(
            f"Gas wallet of {wallet['network']}: {wallet['address']} has {has} wei, and spent at most "
            f"{wallet['spent_24h_gwei']} gwei in the last 24 hours."
        )
    if told["chain_asked"]:
        typer.echo("The settlements of the last half hour are looked for on their chain.")
    for difference in told["differences"]:
        typer.echo(f"DIFFERS: {difference}")
    if told["balanced"]:
        typer.echo(
            f"Everything fits at {told['at']}: the balances add up to 0, received == charged + credit."
        )


def _accounts(told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    from server.commands.show import dollars

    for name, balance in told["system_accounts"].items():
        yield name, "", dollars(balance), ""
    for kind in told["accounts"]:
        yield (
            f"{kind['kind']}s",
            str(kind["accounts"]),
            dollars(kind["balance_nano_usd"]),
            dollars(kind["held_nano_usd"]),
        )
    yield "sum", "", dollars(told["total_nano_usd"]), ""


def _payments(told: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    from server.commands.show import dollars

    for one in told["payments"]:
        yield (
            one["network"],
            one["asset"],
            str(one["payments"]),
            str(one["open"]),
            f"{one['received_atomic']} atomic",
            dollars(one["charged_nano_usd"]),
            dollars(one["credit_nano_usd"]),
            dollars(one["due_nano_usd"]),
        )
