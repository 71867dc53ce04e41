"""What the demo prints: numbered steps, facts, tables, quotes, and checks that hold or end it."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_MOST_COLUMNS = 100
_INDENT = 3


class StepFailed(Exception):
    """A check did not hold; the message says which and what was seen instead."""


def transcript() -> "Transcript":
    """On standard output: colours on a terminal, plain text of 80 columns elsewhere."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr] # a real stream
    console = Console(highlight=False)
    return Transcript(Console(highlight=False, width=min(console.width, _MOST_COLUMNS)))


class Transcript:
    """Prints the demo and counts the checks that held."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.steps = 0
        self.title = ""
        self.held = 0
        self._bills: list[tuple[str, ...]] = []

    def headline(self, text: str) -> None:
        self._console.print(Rule(Text(text, style="bold"), style="cyan"))

    def step(self, title: str, about: str = "") -> None:
        """Begin a step; ``about`` says in a sentence what it shows."""
        self.steps += 1
        self.title = title
        self._console.print()
        self._console.print(Text(f"{self.steps:>2} {title}", style="bold cyan"))
        if about:
            self._indented(Text(about, style="dim"))

    def say(self, text: str) -> None:
        self._indented(Text(text))

    def facts(self, facts: Mapping[str, str]) -> None:
        """Names and values in two columns."""
        grid = Table.grid(padding=(0, 2))
        for name, value in facts.items():
            grid.add_row(Text(name, style="dim"), Text(value, overflow="fold"))
        self._indented(grid)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> None:
        """The last ``numbers`` columns are set flush right."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for place, column in enumerate(columns):
            right = place >= len(columns) - numbers
            table.add_column(column, justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._indented(table)

    def quote(self, who: str, text: str) -> None:
        """What somebody says."""
        self._indented(Text.assemble((f"{who}: ", "bold"), (text.strip(), "italic")))

    @contextmanager
    def speaking(self, who: str) -> Iterator[Callable[[str], None]]:
        """What somebody says, word by word as it comes."""
        lead = " " * _INDENT + who + ": "
        self._console.print(lead, style="bold", end="")
        speech = _Speech(self._console, len(lead))
        yield speech.add
        speech.end()

    def check(self, name: str, held: bool, seen: str = "") -> None:
        """One thing that must be so. Raises StepFailed when it is not."""
        mark = Text("✓ ", style="green") if held else Text("✗ ", style="bold red")
        line = Text.assemble(mark, name)
        if seen:
            line.append(f"  {seen}", style="dim")
        self._indented(line)
        if not held:
            raise StepFailed(name + (f" ({seen})" if seen else ""))
        self.held += 1

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A moving sign on a terminal while something takes its time."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(text):
            yield

    def bill(self, who: str, how: str, what: str, cost: str, left: str) -> None:
        """Note who paid for what, to be shown at the end."""
        self._bills.append((who, how, what, cost, left))

    def bills(self) -> None:
        self._console.print()
        self.table(("who", "paid by", "for", "cost", "left"), self._bills)

    def end(self, text: str, style: str) -> None:
        self._console.print()
        self._console.print(Text(text, style=style))

    def _indented(self, renderable: Text | Table) -> None:
        self._console.print(Padding(renderable, (0, 0, 0, _INDENT), expand=False))


class _Speech:
    """Text that comes in pieces, broken between words at the console's width."""

    def __init__(self, console: Console, column: int) -> None:
        self._console = console
        self._column = column
        self._rest = ""

    def add(self, text: str) -> None:
        """Print all but the last word, which may go on in the next piece."""
        words = (self._rest + text.replace("\n", " ")).split(" ")
        self._rest = words.pop()
        for word in words:
            self._print(word + " ")

    def end(self) -> None:
        self._print(self._rest)
        self._console.print()

    def _print(self, word: str) -> None:
        if self._column + len(word.rstrip()) > self._console.width:
            self._console.print("\n" + " " * _INDENT, end="")
            self._column = _INDENT
        self._console.print(Text(word, style="italic"), end="", soft_wrap=True)
        self._console.file.flush()
        self._column += len(word)
