"""``batchin signing``: the keys that sign records and receipts."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """list, rotate, revoke."""
    app = typer.Typer(
        help="List, rotate and revoke the keys that sign records and receipts.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("rotate")(_rotate)
    app.command("revoke")(_revoke)
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


def _revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as list shows it.", metavar="KEY_ID")],
    since: Annotated[
        datetime | None,
        typer.Option(
            help="Since when it is not to be believed, UTC (default: now).", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Let a key that came into wrong hands count no longer; the one in use is rotated out first.

    Who has it can sign with any time, so verifiers believe of it only what the log held before: fetch
    the key list anew. Records of before stay valid.
    """
    from server.commands.office import folder_of, operate

    arguments: dict[str, Any] = {"key_id": key_id}
    if since is not None:
        arguments["since_ms"] = int(since.replace(tzinfo=UTC).timestamp() * 1000)
    _show([operate(folder_of(data_dir, config), "signing.revoke", **arguments)], as_json)


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
            "" if key["revoked_log_size"] is None else f"but {key['revoked_log_size']} records",
        )
        for key in keys
    )
    show_table(("id", "public key", "from", "until", "revoked"), rows)
