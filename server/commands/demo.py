"""``batchin demo``: the main job, end to end, as a transcript."""

import typer

from server.commands.options import Config, DataDir


def demo(data_dir: DataDir = None, config: Config = None) -> None:
    """Watch an agent find a tool, pay, be answered and check the proof.

    Uses the server that runs on the data dir, else starts one and stops it at the end. Play money on the
    embedded dev chain, a real language model, the official MCP, x402 and OpenAI clients. Exit status 0
    only when every step held.
    """
    from server.commands.local_models import fetch_models
    from server.commands.settings import settings_of
    from server.demo.run import run

    settings = settings_of(config, data_dir)
    fetch_models(settings)
    raise typer.Exit(run(settings.data_dir, config))
