"""``batchin serve``: run the server until it is told to stop."""

import gc
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.options import Config, DataDir

if TYPE_CHECKING:
    from base.settings import Settings


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on (default: 127.0.0.1).", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; 0 picks a free one (default: 8402).", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="Engine: local, none, sglang, sglang=URL or openai=URL (default: local).",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model of the local engine: smollm2, a .gguf file or hf:OWNER/REPO:FILE "
            "(default: smollm2); of sglang a folder or a hub id.",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(help="debug, info, warning or error (default: info).", show_default=False),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(help="auto, json or text (default: auto).", show_default=False),
    ] = None,
) -> None:
    """Start the server: /v1 for OpenAI clients, /v1/mcp for agents.

    Flags win over BATCHIN_* variables, which win over the settings file. The banner appears when calls
    are served; Ctrl-C finishes open calls and stops.
    """
    gc.disable()  # until it serves: what is loaded stays, and looking it through is a tenth of the start
    from server.commands.local_models import fetch_models
    from server.commands.settings import settings_of

    settings = settings_of(
        config,
        data_dir,
        host=host,
        port=port,
        engine=engine,
        model=model,
        log_level=log_level,
        log_format=log_format,
    )
    _tell_start(settings)
    fetch_models(settings)
    from server.banner import announce
    from server.serve import serve as run

    run(settings, announce)


def _tell_start(settings: "Settings") -> None:
    """A sign of life for people: what stands behind the server takes a moment to load."""
    if sys.stderr.isatty():
        print(f"Starting batchin on {settings.data_dir} ...", file=sys.stderr, flush=True)
        if settings.engine == "sglang":
            print(f"SGLang loads {settings.model}; this takes a while.", file=sys.stderr, flush=True)
