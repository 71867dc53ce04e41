"""``batchin lanes``: private lanes that accounts reserve, by the hour of a card."""

from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir

Lane = Annotated[str, typer.Argument(help="The lane, private:NAME, as engines and keys name it.")]


def group() -> typer.Typer:
    """list, reserve, release."""
    app = typer.Typer(
        help="Reserve private lanes for accounts, metered by the hour of a card.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("reserve")(_reserve)
    app.command("release")(_release)
    return app


def _list(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the reservations, those that ended too."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json, show_table

    found = operate(folder_of(data_dir, config), "lanes.list")
    if as_json:
        show_json(found)
        return
    show_table(
        ("lane", "account", "cards", "per card-hour", "state", "card-hours", "charged", "due", "began"),
        (
            (
                one["lane"],
                one["account_id"],
                str(one["cards"]),
                f"${one['usd_per_card_hour']}",
                one["status"],
                str(one["card_hours"]),
                f"${one['charged_usd']}",
                f"${one['due_usd']}",
                one["began_at"],
            )
            for one in found
        ),
    )


def _reserve(
    lane: Lane,
    cards: Annotated[int, typer.Option(min=1, help="How many cards.")],
    usd_per_card_hour: Annotated[str, typer.Option(help="What a card costs an hour, in dollars.")],
    hours: Annotated[
        int | None,
        typer.Option(min=1, help="For how long (default: until released).", show_default=False),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            help="Id or name of the account (default: the only one there is).", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Reserve the cards of a lane for an account. The first hour is held at once.

    Charged at the end of each hour is the time in which the cards stood ready, as their engines report
    it. Without money for the next hour the reservation ends.
    """
    from server.commands.office import folder_of, operate
    from server.commands.show import nano

    made = operate(
        folder_of(data_dir, config),
        "lanes.reserve",
        lane=lane,
        cards=cards,
        nano_usd_per_card_hour=nano(usd_per_card_hour, "--usd-per-card-hour"),
        hours=hours,
        account=account,
    )
    _tell(made, f"{lane} is reserved for {made['account_id']}.", as_json=as_json)


def _release(
    lane: Lane, data_dir: DataDir = None, config: Config = None, as_json: AsJson = False
) -> None:
    """End the reservation of a lane: what was metered is charged, the rest of the hold given back."""
    from server.commands.office import folder_of, operate

    ended = operate(folder_of(data_dir, config), "lanes.release", lane=lane)
    told = f"{lane} is free: {ended['card_hours']} card-hours, ${ended['charged_usd']} in all."
    _tell(ended, told, as_json=as_json)


def _tell(reservation: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    from server.commands.show import show_json

    if as_json:
        show_json(reservation)
        return
    typer.echo(sentence)
