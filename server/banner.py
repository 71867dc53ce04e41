"""The banner: what a person needs to know when the server has begun to serve."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from base.money import usd_text
from base.settings import Settings
from server.version import version

if TYPE_CHECKING:
    from server.app import Server

_WIDTH = 9
_QUESTION = "What is the capital of France?"


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The key made at first start. ``key`` is None where the operator chose it: they know it, and it
    should not land in their logs."""

    key: str | None
    balance_nano_usd: int


@dataclass(frozen=True, slots=True)
class Ready:
    """What the banner tells.

    ``program`` is how ``batchin`` is called from here; ``network`` (CAIP-2) is None where x402 is off,
    ``chat_model`` where no engine chats; ``demo_grade`` marks the small local model.
    """

    version: str
    program: str
    url: str
    settings: Settings
    network: str | None
    chat_model: str | None
    demo_grade: bool
    first_key: FirstKey | None


def announce(server: "Server") -> None:
    """Print the banner of a server that serves calls: a panel on a terminal, plain lines elsewhere."""
    settings = server.settings
    ready = Ready(
        version=version(),
        program=program(),
        url=server.url,
        settings=settings,
        network=server.network,
        chat_model=server.chat_model,
        demo_grade=settings.engine == "local" and settings.model == "smollm2",
        first_key=first_key(server),
    )
    print_banner(ready, sys.stdout)


def program() -> str:
    """How this installation's ``batchin`` is called: by its name where the shell finds it, else by its
    path, from the working directory where it is below."""
    script = Path(sys.executable).with_name("batchin")
    if shutil.which("batchin") == str(script) or not script.exists():
        return "batchin"
    below = script.is_relative_to(Path.cwd())
    return shlex.quote(str(script.relative_to(Path.cwd()) if below else script))


def first_key(server: "Server") -> FirstKey | None:
    """The key that this start made, None at later starts."""
    if server.first_key is None:
        return None
    chosen = server.settings.demo_key is not None
    return FirstKey(None if chosen else server.first_key.key, server.first_balance_nano_usd)


def print_banner(ready: Ready, out: TextIO) -> None:
    """Write the banner to ``out``, whole at once."""
    facts = list(_facts(ready))
    if out.isatty():
        _print_panel(ready, facts, out)
    else:
        out.write(f"batchin {ready.version} is ready\n")
        out.writelines(f"  {name:<{_WIDTH}}{value}\n" for name, value in facts)
    out.write("\n" + "\n".join(_commands(ready)) + "\n\n")
    out.flush()


def _print_panel(ready: Ready, facts: list[tuple[str, str]], out: TextIO) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in facts:
        grid.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    title = f"[bold green]batchin {ready.version} is ready"
    Console(file=out, highlight=False).print(
        Panel(grid, title=title, title_align="left", border_style="green", expand=False)
    )


def _facts(ready: Ready) -> Iterator[tuple[str, str]]:
    yield "API", f"{ready.url}/v1"
    yield "MCP", f"{ready.url}/v1/mcp"
    if ready.first_key is not None:
        yield "Key", ready.first_key.key or "the one of BATCHIN_DEMO_KEY"
        yield "", f"balance ${usd_text(ready.first_key.balance_nano_usd)}; {_once(ready.first_key)}"
    yield "Payments", _payments(ready.network)
    yield "Model", _model(ready)
    yield "Data", str(ready.settings.data_dir)


def _once(first: FirstKey) -> str:
    return "shown this once, keep it" if first.key else "made at this first start"


def _payments(network: str | None) -> str:
    if network is None:
        return "API keys (x402 is off)"
    where = "the embedded dev chain, play money" if network == "eip155:31337" else network
    return f"API keys, and x402 in USDC on {where}"


def _model(ready: Ready) -> str:
    if ready.chat_model is None:
        return "no chat engine (--engine says how to attach one)"
    note = "; demo grade: small, on the CPU, often wrong" if ready.demo_grade else ""
    return f"{ready.chat_model}{note}"


def _commands(ready: Ready) -> Iterator[str]:
    """Outside the panel, so that they can be copied."""
    folder = shlex.quote(str(ready.settings.data_dir))
    yield "Try it in another terminal:"
    if ready.first_key is None:
        yield f"  {ready.program} keys create --data-dir {folder}"
        yield "  export BATCHIN_API_KEY=...    # the key that it shows"
    elif ready.first_key.key is not None:
        yield f"  export BATCHIN_API_KEY={ready.first_key.key}"
    else:
        yield '  export BATCHIN_API_KEY="$BATCHIN_DEMO_KEY"'
    if ready.chat_model is not None:
        message = f'{{"role": "user", "content": "{_QUESTION}"}}'
        body = f'{{"model": "{ready.chat_model}", "messages": [{message}]}}'
        yield f"  curl {ready.url}/v1/chat/completions \\"
        yield '    -H "Authorization: Bearer $BATCHIN_API_KEY" -H "Content-Type: application/json" \\'
        yield f"    -d '{body}'"
    yield f"  {ready.program} demo --data-dir {folder}    # an agent pays its way and checks the proof"
    yield f"For agents: {ready.url}/llms.txt and {ready.url}/agents.md    Ctrl-C stops the server."
