"""How commands show their results: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from base.money import usd_text


def show_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere one line a row, tabs between the columns, with a head line."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0)  # ids are copied
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def dollars(amount_nano_usd: int | None) -> str:
    return "-" if amount_nano_usd is None else f"${usd_text(amount_nano_usd)}"


def nano(text: str, option: str) -> int:
    """An amount in dollars from the command line, in nano-USD.

    Raises typer.BadParameter that names the option and what is allowed.
    """
    from base.money import NANO_MAX, usd_to_nano

    try:
        amount = usd_to_nano(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; give dollars like 5 or 0.25", param_hint=option) from None
    if not 0 < amount <= NANO_MAX:
        raise typer.BadParameter("give more than 0 dollars", param_hint=option)
    return amount
