"""The command line: ``batchin``. Nothing heavy is imported before a command runs."""

import inspect
from collections.abc import Sequence
from typing import Annotated

import typer

from server.commands import (
    accounts,
    agent,
    demo,
    doctor,
    engines,
    keys,
    lanes,
    ledger,
    mcp,
    models,
    prompts,
    serve,
    signing,
    validator,
    verify,
)
from server.commands.failure import told

_HELP = (
    "An agent server: every capability is one tool, paid per call with x402 or a prepaid key, with a "
    "receipt that anyone can verify."
)
_EPILOG = "Start with: batchin demo, or batchin serve. Exit status: 0 done, 1 failed, 2 wrong usage."


def application() -> typer.Typer:
    """All commands, as docs/cli.md shows them."""
    app = typer.Typer(
        name="batchin",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(help=_HELP)(_options)
    for command in (
        serve.serve,
        demo.demo,
        mcp.mcp,
        doctor.doctor,
        verify.verify,
        models.models,
        validator.validator,
    ):
        app.command(command.__name__, help=_flowed(command.__doc__))(command)
    app.add_typer(accounts.group(), name="accounts")
    app.add_typer(keys.group(), name="keys")
    app.add_typer(lanes.group(), name="lanes")
    app.add_typer(ledger.group(), name="ledger")
    app.add_typer(prompts.group(), name="prompts")
    app.add_typer(engines.group(), name="engines")
    app.add_typer(signing.group(), name="signing")
    app.add_typer(agent.group(), name="agent")
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; leaves with SystemExit."""
    with told():
        application()(arguments)


def _flowed(text: str | None) -> str:
    """A docstring whose paragraphs are one line each: the width of the terminal breaks them."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _print_version(asked: bool) -> None:
    if asked:
        from server.version import version

        typer.echo(f"batchin {version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Options that stand before a command."""


if __name__ == "__main__":
    main()
