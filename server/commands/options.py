"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Folder of the database, keys and sockets (default: the user's data folder).",
        show_default=False,
        file_okay=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file (default: batchin.toml, where there is one).",
        show_default=False,
        dir_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
