"""``batchin doctor``: is everything true that a server and its machine claim?"""

from typing import Annotated

import typer

from server.commands.options import AsJson, Config, DataDir


def doctor(
    url: Annotated[
        str | None,
        typer.Argument(
            help="Server to examine (default: the one that runs on the data dir).", show_default=False
        ),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Examine this machine and a running server.

    Health, documents, MCP, and whether each paid operation asks for money in a valid way. Exit status 1
    when anything is not as it should be.
    """
    import asyncio

    from server.commands.settings import settings_of
    from server.commands.show import show_json, show_table
    from server.doctor.examine import examine

    findings = asyncio.run(examine(settings_of(config, data_dir), url))
    if as_json:
        show_json([finding.document() for finding in findings])
    else:
        rows = [(finding.state.value, finding.what, finding.seen) for finding in findings]
        show_table(("state", "what", "seen"), rows)
    if any(finding.is_trouble for finding in findings):
        raise typer.Exit(1)
