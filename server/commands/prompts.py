"""``batchin prompts``: the prompts of an account, their versions, and which one answers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir

Account = Annotated[
    str | None,
    typer.Option(help="Id or name of the account (default: the only one there is).", show_default=False),
]
Name = Annotated[str, typer.Argument(help="Name of the prompt.")]


def group() -> typer.Typer:
    """list, push, promote, rollback, delete, delete-samples."""
    app = typer.Typer(
        help="List, push, promote, roll back and delete prompts.",
        no_args_is_help=True,
    )
    app.command("list")(_list)
    app.command("push")(_push)
    app.command("promote")(_promote)
    app.command("rollback")(_roll_back)
    app.command("delete")(_delete)
    app.command("delete-samples")(_delete_samples)
    return app


def _list(
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the versions: those that were pushed and those that calls named."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json, show_table

    prompts = operate(folder_of(data_dir, config), "prompts.list", account=account)
    if as_json:
        show_json(prompts)
        return
    show_table(
        ("version", "state", "runs", "last run", "cost in USD"),
        (
            (
                version["version_id"],
                version["status"],
                str(version["total_runs"]),
                version["last_run_at"] or "-",
                version["cost_usd"],
            )
            for prompt in prompts
            for version in prompt["versions"]
        ),
    )


def _push(
    name: Name,
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON {messages: [{role, content}]}, or a text: then it is the system message.",
            dir_okay=False,
            exists=True,
        ),
    ],
    version: Annotated[
        str | None, typer.Option(help="Name of the version (default: the next number).")
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Promote it at once.")] = False,
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Push a version. It never changes: other words need another version."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    made = operate(
        folder_of(data_dir, config),
        "prompts.push",
        account=account,
        name=name,
        version=version,
        promote=promote,
        **_template(file),
    )
    if as_json:
        show_json(made)
        return
    typer.echo(f"{made['version_id']} is {'promoted' if promote else 'there'} ({made['content_hash']}).")


def _promote(
    name: Name,
    version: Annotated[str, typer.Argument(help="Name of the version, such as v2.")],
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Promote a version: it answers the calls that name none."""
    from server.commands.office import folder_of, operate

    arguments = {"account": account, "name": name, "version": version}
    _tell(operate(folder_of(data_dir, config), "prompts.promote", **arguments), as_json=as_json)


def _roll_back(
    name: Name,
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Promote what was promoted before."""
    from server.commands.office import folder_of, operate

    prompt = operate(folder_of(data_dir, config), "prompts.rollback", account=account, name=name)
    _tell(prompt, as_json=as_json)


def _delete(
    name: Name,
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Delete a prompt with its versions, samples, regressions and experiments. A server has to run."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    gone = operate(folder_of(data_dir, config), "prompts.delete", account=account, name=name)
    if as_json:
        show_json(gone)
        return
    typer.echo(f"{name} is gone: {gone['versions']} versions, {gone['samples']} samples.")


def _delete_samples(
    name: Name,
    account: Account = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Delete the samples of a prompt, and what regressions made of them. A server has to run."""
    from server.commands.office import folder_of, operate
    from server.commands.show import show_json

    gone = operate(folder_of(data_dir, config), "prompts.delete_samples", account=account, name=name)
    if as_json:
        show_json(gone)
        return
    typer.echo(f"{gone['samples']} samples of {name} are gone.")


def _tell(prompt: dict[str, Any], *, as_json: bool) -> None:
    from server.commands.show import show_json

    if as_json:
        show_json(prompt)
        return
    typer.echo(f"Promoted: {prompt['promoted_version_id'] or 'none'}.")


def _template(file: Path) -> dict[str, Any]:
    import json

    from server.commands.failure import USAGE, CommandFailed

    text = file.read_text()
    if file.suffix != ".json":
        return {"messages": [{"role": "system", "content": text}]}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"{file}: it is no JSON ({error}).", status=USAGE) from None
    if not isinstance(value, dict) or "messages" not in value:
        raise CommandFailed(f"{file}: it should be an object with messages.", status=USAGE)
    return {name: value[name] for name in ("messages", "description") if name in value}
