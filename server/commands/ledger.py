"""``batchin ledger``: the books and their proof."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """audit, deposits, owed, repaid, forgive."""
    app = typer.Typer(
        help="Prove the books, find the deposits, end what wallets owe.", no_args_is_help=True
    )
    app.command("audit")(_audit)
    app.command("deposits")(_deposits)
    app.command("owed")(_owed)
    app.command("repaid")(_repaid)
    app.command("forgive")(_forgive)
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


def _owed(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the payments that left their chain after their call was answered, and what is owed for them.

    Their wallets are served no more, until each debt is ended by "repaid" or "forgive".
    """
    from server.commands.office import folder_of, operate
    from server.commands.show import dollars, show_json, show_table

    told = operate(folder_of(data_dir, config), "ledger.owed")
    if as_json:
        show_json(told)
        return
    columns = ("run", "wallet", "network", "tool", "paid", "owed", "why")
    show_table(columns, (_debt(one) for one in told["owed"]))
    typer.echo(f"\nOwed in all: {dollars(told['owed_nano_usd'])}.")


RunId = Annotated[str, typer.Argument(help="Run, record or audit id of the payment.")]
Note = Annotated[
    str | None,
    typer.Option(help="Told with the payment from then on, to its payer too.", show_default=False),
]


def _repaid(
    run_id: RunId,
    note: Note = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Book what is owed for a lost payment as paid some other way, and serve its wallet again.

    Use it once the money is in your hands. One posting from "funding" to "loss", and the proof of the
    books after it. Exit status: 0 when all fits, 1 when something differs.
    """
    _end("ledger.repaid", run_id, note, data_dir, config, as_json=as_json)


def _forgive(
    run_id: RunId,
    note: Note = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write off what is owed for a lost payment, and serve its wallet again.

    One posting from "written_off" to "loss", and the proof of the books after it. Exit status: 0 when
    all fits, 1 when something differs.
    """
    _end("ledger.forgive", run_id, note, data_dir, config, as_json=as_json)


def _end(
    operation: str,
    run_id: str,
    note: str | None,
    data_dir: Path | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    from server.commands.office import folder_of, operate
    from server.commands.show import dollars, show_json

    told = operate(folder_of(data_dir, config), operation, run_id=run_id, note=note)
    if as_json:
        show_json(told)
    else:
        owed = dollars(told["owed_nano_usd"])
        typer.echo(f"{owed} owed for {told['run_id']} by {told['payer']}: {told['status']}.")
        for one in told["still_owed"]:
            typer.echo(f"The wallet still owes {dollars(one['owed_nano_usd'])} for {one['run_id']}.")
        if told["served_again"]:
            typer.echo("The wallet is served again.")
        typer.echo("")
        _show(told["audit"])
    if not told["audit"]["balanced"]:
        raise typer.Exit(1)


def _debt(one: dict[str, Any]) -> tuple[str, ...]:
    from server.commands.show import dollars

    paid, owed = dollars(one["paid_nano_usd"]), dollars(one["owed_nano_usd"])
    return (one["run_id"], one["payer"], one["network"], one["tool"], paid, owed, one["reason"])


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
