"""``batchin models``: what a running server serves, and at what price."""

from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir


def models(
    url: Annotated[
        str | None,
        typer.Argument(
            help="Server to ask (default: the one that runs on the data dir).", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the models of a running server and their prices."""
    import asyncio

    from server.commands.running import get_json, url_of
    from server.commands.show import show_json

    catalog = asyncio.run(get_json(url_of(url, data_dir, config), "/v1/models"))
    if as_json:
        show_json(catalog)
    else:
        _show(catalog["data"])


def _show(entries: list[dict[str, Any]]) -> None:
    from server.commands.show import show_table

    columns = ("id", "served by", "kind", "in / 1M", "out / 1M", "context", "licence", "state")
    show_table(columns, [_row(entry) for entry in entries])


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    pricing = entry["pricing"]
    return (
        entry["id"],
        "itself" if entry["served_by"] == entry["id"] else entry["served_by"],
        entry["modality"],
        f"${pricing['std_input_usd']}",
        f"${pricing['std_output_usd']}",
        str(entry["context_length"]),
        entry["license"],
        entry["status"],
    )
