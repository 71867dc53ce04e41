"""docs/cli.md, from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer

from manifests.markdown import fenced, table
from server.cli import application

_HEAD = """\
# The command line

Rendered from `server/cli.py` by `scripts/render.py`; do not edit. `batchin COMMAND --help` says it too.

`accounts` and `keys` work beside a running server, through its admin socket, and without one, on the
books themselves. Exit status: 0 done, 1 failed, 2 wrong usage; of `verify` 2 means too that a
check could not be made.
"""


def cli_page() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(application())
    return "\n".join((_HEAD, *_sections(root, typer.Context(root, info_name="batchin"))))


def _sections(command: Any, context: typer.Context) -> Iterator[str]:
    children = command.list_commands(context) if hasattr(command, "list_commands") else ()
    if not children:
        yield _section(command, context)
    for name in children:
        child = command.get_command(context, name)
        yield from _sections(child, typer.Context(child, info_name=name, parent=context))


def _section(command: Any, context: typer.Context) -> str:
    usage = " ".join((context.command_path, *command.collect_usage_pieces(context)))
    records = [param.get_help_record(context) for param in command.get_params(context)]
    rows = [(f"`{name}`", help_text) for name, help_text in filter(None, records) if name != "--help"]
    text = "\n\n".join(paragraph for paragraph in command.help.split("\n\n"))
    parts = (
        f"## {context.command_path}\n",
        f"{text}\n",
        f"{fenced('console', f'$ {usage}')}\n",
        table(("", "meaning"), rows) + "\n",
    )
    return "\n".join(parts)
