"""``batchin signing``: the keys that sign records and receipts."""

from typing import Any

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """list, rotate."""
    app = typer.Typer(
        help="List and rotate the keys that sign records and receipts.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("rotate")(_rotate)
    return app


def _list(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the keys and when they were in use; the last one signs."""
    from server.commands.office import folder_of, operate

    _show(operate(folder_of(data_dir, config), "signing.list"), as_json)


def _rotate(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Make a new key and sign with it from now on, in a running server too.

    Records of before stay valid: the old key goes on verifying what it signed while it was in use. Its
    file is kept, for receipts of records that it signed.
    """
    from server.commands.office import folder_of, operate

    _show([operate(folder_of(data_dir, config), "signing.rotate")], as_json)


def _show(keys: list[dict[str, Any]], as_json: bool) -> None:
    from base.clock import iso_utc
    from server.commands.show import show_json, show_table

    if as_json:
        show_json(keys)
        return
    rows = (
        (
            key["key_id"],
            key["public_key"],
            iso_utc(key["not_before_ms"]),
            "in use" if key["not_after_ms"] is None else iso_utc(key["not_after_ms"]),
        )
        for key in keys
    )
    show_table(("id", "public key", "from", "until"), rows)
