"""Markdown of what every document tells: tables of tools, models, errors."""

from collections.abc import Iterable, Sequence

from manifests.errors import all_errors
from manifests.facts import Facts
from manifests.operation import Operation
from manifests.prices import paid_per
from tools.core import AnyTool, Registry


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells hold one line each."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def tool_table(registry: Registry) -> str:
    """Name, purpose, price and other names of each tool."""
    return table(
        ("tool", "what it does", "price", "also called"),
        ((f"`{t.name}`", t.description, _price(t), _names(t.aliases)) for t in registry),
    )


def model_table(facts: Facts) -> str:
    """Each id with its prices; ids that one model answers name it."""
    return table(
        ("model id", "for", "input", "output", "else", "context", "answered by", "licence"),
        (
            (
                f"`{model.id}`",
                model.modality,
                f"${model.input_usd_per_mtok}",
                f"${model.output_usd_per_mtok}",
                ", ".join(f"${price} a {unit.replace('_', ' ')}" for unit, price in model.other.items()),
                f"{model.context_length}",
                f"`{model.served_by}`",
                model.license,
            )
            for model in facts.models
        ),
    )


def error_table(operations: Sequence[Operation]) -> str:
    """Code, status and what to do, one row a code."""
    return table(
        ("code", "HTTP", "what to do"),
        (
            (f"`{error.code}`", str(error.status), str(error.resolution))
            for error in all_errors(operations)
        ),
    )


def fenced(language: str, code: str) -> str:
    return f"```{language}\n{code.rstrip()}\n```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _price(tool: AnyTool) -> str:
    if tool.quote is None:
        return "free"
    return f"per {paid_per(tool)}" + (", by model" if tool.card is None else "")
