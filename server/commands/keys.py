"""``batchin keys``: the API keys that spend an account's balance."""

from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir


def group() -> typer.Typer:
    """list, create, revoke."""
    app = typer.Typer(
        help="List, create and revoke API keys.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("create")(_create)
    app.command("revoke")(_revoke)
    return app


def _list(
    account: Annotated[
        str | None,
        typer.Option(help="Id or name of one account (default: all).", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the keys. A key itself is never shown again, only how it begins."""
    from server.commands.office import folder_of, operate
    from server.commands.show import dollars, show_json, show_table

    keys = operate(folder_of(data_dir, config), "keys.list", account=account)
    if as_json:
        show_json(keys)
        return
    show_table(
        ("id", "begins", "name", "account", "monthly budget", "state", "created"),
        (
            (
                key["id"],
                key["key_prefix"],
                key["name"],
                key["account_id"],
                dollars(key["monthly_budget_nano_usd"]),
                key["state"],
                key["created_at"],
            )
            for key in keys
        ),
    )


def _create(
    account: Annotated[
        str | None,
        typer.Argument(
            help="Id or name of the account that pays (default: the only one there is).",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the key, for people.")] = "key",
    budget_usd: Annotated[
        str | None,
        typer.Option(help="Most that the key may spend in a calendar month (UTC), in dollars."),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Calls a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens a minute.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls at once.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may call: tool:NAME, model:ID, endpoint:PATH; may be given again."),
    ] = None,
    stream_responses: Annotated[
        bool, typer.Option(help="Whether it may stream on /v1/responses.")
    ] = True,
    salt_hashes: Annotated[
        bool,
        typer.Option(help="Whether the evidence of its calls holds salted hashes."),
    ] = False,
    keep_samples: Annotated[
        bool,
        typer.Option(help="Whether samples of its calls by prompt are kept, sealed, for regressions."),
    ] = False,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Days until the key expires.")
    ] = None,
    lane: Annotated[
        str, typer.Option(help="Lane of its calls: shared, batch or private:NAME.")
    ] = "shared",
    region: Annotated[
        str, typer.Option(help="Region that its calls are bound to; local is none.")
    ] = "local",
    workspace: Annotated[str, typer.Option(help="Workspace of its calls.")] = "default",
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it, once: only a digest of it is stored."""
    from server.commands.office import folder_of, operate
    from server.commands.show import nano, show_json

    made = operate(
        folder_of(data_dir, config),
        "keys.create",
        account=account,
        name=name,
        monthly_budget_nano_usd=None if budget_usd is None else nano(budget_usd, "--budget-usd"),
        rpm=rpm,
        tpm=tpm,
        concurrency=concurrency,
        scopes=scope or [],
        days=days,
        streams_responses=stream_responses,
        salts_hashes=salt_hashes,
        keeps_samples=keep_samples,
        lane=lane,
        region=region,
        workspace=workspace,
    )
    if as_json:
        show_json(made)
        return
    _print_key(made)


def _print_key(made: dict[str, Any]) -> None:
    typer.echo(f"Key {made['id']} of account {made['account_id']}, shown this once:")
    typer.echo(f"\n  {made['key']}\n")
    typer.echo("Use it: export BATCHIN_API_KEY=<the key>")


def _revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, as keys list shows it.")],
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: from now on it is answered like an unknown one."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    revoked = operate(folder_of(data_dir, config), "keys.revoke", key_id=key)
    if as_json:
        show_json(revoked)
        return
    typer.echo(f"Key {revoked['id']} is revoked.")
