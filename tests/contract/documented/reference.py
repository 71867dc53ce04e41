"""The documented operations, read from reference.md: requests, answers, errors and code samples."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SHOWN_BASE: Final = "https://api.batchin.tech"
_PAGE: Final = Path(__file__).with_name("reference.md")
_OPERATION: Final = re.compile(r"^## (GET|POST|DELETE) (\S+) (Bearer|Public)$", re.MULTILINE)
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LEFT_OUT: Final = ",..."  # a vector is shown by its first numbers


@dataclass(frozen=True)
class DocumentedError:
    """A row of an operation's table of errors."""

    code: str
    status: int
    message: str
    resolution: str


@dataclass(frozen=True)
class Documented:
    """An operation as it is documented; ``sample`` is its Python program."""

    method: str
    path: str
    is_public: bool
    answer: str
    headers: tuple[str, ...]
    errors: tuple[DocumentedError, ...]
    sample: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def example(self) -> Any:
        """The documented answer as a value; None where it is no JSON."""
        try:
            return json.loads(self.answer.replace(_LEFT_OUT, ""))
        except json.JSONDecodeError:
            return None


def documented() -> tuple[Documented, ...]:
    page = _PAGE.read_text()
    starts = list(_OPERATION.finditer(page))
    ends = [*(start.start() for start in starts[1:]), len(page)]
    return tuple(
        _operation(start, page[start.end() : end]) for start, end in zip(starts, ends, strict=True)
    )


def _operation(start: re.Match[str], text: str) -> Documented:
    blocks = {block[1]: block[2] for block in _BLOCK.finditer(text)}
    errors = (line.split(" | ") for line in blocks.get("errors", "").splitlines())
    return Documented(
        method=start[1],
        path=start[2],
        is_public=start[3] == "Public",
        answer=blocks["response"].strip(),
        headers=tuple(blocks.get("headers", "").split()),
        errors=tuple(DocumentedError(row[0], int(row[1]), row[2], row[3]) for row in errors),
        sample=blocks["python"],
    )


def differences(example: Any, answer: Any, at: str = "") -> list[str]:
    """Where an answer has not the shape of the documented one: members that lack, other types."""
    if isinstance(example, dict):
        if not isinstance(answer, dict):
            return [f"{at}: not an object"]
        lacking = [f"{at}.{name} is missing" for name in example if name not in answer]
        return lacking + [
            line
            for name in example
            if name in answer
            for line in differences(example[name], answer[name], f"{at}.{name}")
        ]
    if isinstance(example, list):
        if not isinstance(answer, list):
            return [f"{at}: not a list"]
        return [
            line
            for number, item in enumerate(answer)
            for each in example[:1]
            for line in differences(each, item, f"{at}.{number}")
        ]
    kinds = (int, float) if type(example) in (int, float) else type(example)
    return [] if isinstance(answer, kinds) else [f"{at} is {answer!r}, documented as {example!r}"]
