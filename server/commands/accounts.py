"""``batchin accounts``: who may spend, and how much."""

from typing import Annotated

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """list, create, credit."""
    app = typer.Typer(
        help="List, create and credit accounts.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("create")(_create)
    app.command("credit")(_credit)
    return app


def _list(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the accounts and wallets with their balances."""
    from server.commands.office import folder_of, operate
    from server.commands.show import dollars, show_json, show_table

    accounts = operate(folder_of(data_dir, config), "accounts.list")
    if as_json:
        show_json(accounts)
        return
    show_table(
        ("id", "kind", "name", "balance", "held", "created"),
        (
            (
                account["id"],
                account["kind"],
                account["name"],
                dollars(account["balance_nano_usd"]),
                dollars(account["held_nano_usd"]),
                account["created_at"],
            )
            for account in accounts
        ),
    )


def _create(
    name: Annotated[str, typer.Argument(help="Name of the account, for people.")] = "main",
    email: Annotated[str, typer.Option(help="Address of who owns it.")] = "",
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Create an account with an empty balance."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    folder = folder_of(data_dir, config)
    account = operate(folder, "accounts.create", name=name, email=email)
    if as_json:
        show_json(account)
        return
    typer.echo(f"Account {account['id']} ({account['name']}) is made; its balance is $0.00.")
    typer.echo(f"Next: batchin accounts credit {account['id']} 5.00")


def _credit(
    account: Annotated[str, typer.Argument(help="Id or name of the account.")],
    amount_usd: Annotated[str, typer.Argument(help="Dollars to add, like 5 or 0.25.")],
    reference: Annotated[
        str | None,
        typer.Option(
            help="Your name of this credit: the same reference is credited once (default: a new one).",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add to an account's balance, once for each reference."""
    from base.ids import new_id
    from server.commands.office import folder_of, operate
    from server.commands.show import dollars, nano, show_json

    amount = nano(amount_usd, "AMOUNT_USD")
    credited = operate(
        folder_of(data_dir, config),
        "accounts.credit",
        account=account,
        amount_nano_usd=amount,
        reference=reference or new_id("credit"),
    )
    if as_json:
        show_json(credited)
        return
    balance = dollars(credited["balance_nano_usd"])
    if credited["credited"]:
        typer.echo(f"{dollars(amount)} credited to {credited['account_id']}; its balance is {balance}.")
    else:
        typer.echo(f"{reference} was credited before: nothing changed; the balance is {balance}.")
