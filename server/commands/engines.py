"""``batchin engines``: install SGLang; list, check, stop and start the engines of a running server."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.commands.options import AsJson, Config, DataDir

if TYPE_CHECKING:
    from runtime.sglang.install import Report, Stage

EngineId = Annotated[str, typer.Argument(help="Id of the engine, as engines list shows it.")]
_POLL_S = 0.5


def group() -> typer.Typer:
    """install, list, check, stop, start."""
    app = typer.Typer(
        help="Install SGLang; list, check, stop and start engines.",
        no_args_is_help=True,
    )
    app.command("install")(_install)
    app.command("list")(_list)
    app.command("check")(_check)
    app.command("stop")(_stop)
    app.command("start")(_start)
    return app


def _install(
    engine: Annotated[str, typer.Argument(help="What to install: sglang.")],
    cpu: Annotated[bool, typer.Option("--cpu", help="The build for machines without a GPU.")] = False,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Install an engine into an environment of its own, in the cache folder.

    Nothing happens when it is there already. Every package is pinned by its hash. The build for CPUs
    takes 2.5 GB and some minutes.
    """
    from runtime.local.artifacts import user_cache_dir
    from runtime.sglang.install import install
    from server.commands.failure import USAGE, CommandFailed
    from server.commands.settings import settings_of
    from server.commands.show import show_json

    if engine != "sglang":
        raise CommandFailed(f"{engine} can't be installed.", "Give sglang.", USAGE)
    cache = settings_of(config, data_dir).cache_dir or user_cache_dir()
    with _progress() as report:
        made = install(cache, "cpu" if cpu else "gpu", report)
    if as_json:
        show_json({"python": str(made.python), "build": made.build, "sglang": made.version})
        return
    typer.echo(f"SGLang {made.version} for {made.build.upper()}s is in {made.folder}.")
    typer.echo("Serve with it: batchin serve --engine sglang --model FOLDER_OF_WEIGHTS")


def _list(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """List the engines of the running server."""
    from server.commands.show import show_json, show_table

    engines = _asked(data_dir, config, "engines.list")
    if as_json:
        show_json(engines)
        return
    show_table(
        ("id", "state", "models", "running", "restarts", "runs"),
        (
            (
                engine["id"],
                engine["busy"] or engine["state"],
                ", ".join(engine["models"]),
                str(engine["running"]),
                str(engine["restarts"]),
                "here" if engine["ours"] else "apart",
            )
            for engine in engines
        ),
    )


def _check(data_dir: DataDir = None, config: Config = None, as_json: AsJson = False) -> None:
    """Ask every engine of the running server whether it serves, and what it has in hand.

    Exit status 1 when one does not.
    """
    from server.commands.failure import FAILED
    from server.commands.show import show_json, show_table

    engines = _asked(data_dir, config, "engines.check")
    if as_json:
        show_json(engines)
    else:
        show_table(
            ("id", "serves", "running", "queued", "at once", "ms"),
            (
                (
                    engine["id"],
                    "yes" if engine["ready"] else "no",
                    *(_number(engine[name]) for name in ("running", "queued", "limit", "ms")),
                )
                for engine in engines
            ),
        )
    if not all(engine["ready"] for engine in engines):
        raise typer.Exit(FAILED)


def _stop(
    engine: EngineId, data_dir: DataDir = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Route no more calls to an engine, let those that run end, then end it.

    An engine that was attached by its URL goes on by itself.
    """
    _change(data_dir, config, "engines.stop", engine, as_json)


def _start(
    engine: EngineId, data_dir: DataDir = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Start an engine that was stopped, and route calls to it again."""
    _change(data_dir, config, "engines.start", engine, as_json)


def _change(
    data_dir: Path | None, config: Path | None, operation: str, engine: str, as_json: bool
) -> None:
    """Begin it and wait until it is done. Raises CommandFailed."""
    import time

    from server.commands.failure import CommandFailed
    from server.commands.show import show_json

    row = _asked(data_dir, config, operation, id=engine)
    while row["busy"]:
        time.sleep(_POLL_S)
        rows = _asked(data_dir, config, "engines.list")
        row = next(one for one in rows if one["id"] == engine)
    if row["problem"]:
        raise CommandFailed(f"{engine}: {row['problem']}")
    if as_json:
        show_json(row)
    else:
        typer.echo(f"{engine} is {row['state']}.")


def _asked(data_dir: Path | None, config: Path | None, operation: str, **arguments: Any) -> Any:
    """The result of an operation of the running server. Raises NoServer and BatchinError."""
    import asyncio

    from server.admin import AdminClient
    from server.commands.office import folder_of

    return asyncio.run(AdminClient(folder_of(data_dir, config)).call(operation, **arguments))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


@contextmanager
def _progress() -> "Iterator[Report]":
    """A bar on a terminal; elsewhere a line at every tenth of the way."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Installing SGLang", total=None)

        def report(stage: "Stage") -> None:
            what = f"Installing SGLang: packages {stage.what}"
            bar.update(task, description=what, completed=stage.done, total=stage.total)

        yield report


class _Lines:
    """Tells the progress to a log."""

    def __init__(self) -> None:
        self._told = ("", -1)

    def __call__(self, stage: "Stage") -> None:
        tenth = (stage.what, stage.done * 10 // stage.total)
        if tenth != self._told:
            self._told = tenth
            line = f"Installing SGLang: {stage.done} of {stage.total} packages {stage.what}"
            print(line, file=sys.stderr, flush=True)
