"""Contact sheets: the illustrator's answers to lists of prompts of tests/contract/illustrator/.

    .venv/bin/python -m benchmarks.illustrator_sheet prompts docs/images/illustrator.png

It needs the embedding model that the server fetches at its first start. It prints what each prompt took.
"""

import argparse
import html
import json
import re
import statistics
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import resvg_py

from base.errors import InvalidRequest
from base.settings import load_settings
from runtime.local.artifacts import (
    EMBEDDING_TOKENIZER,
    EMBEDDING_WEIGHTS,
    ArtifactCache,
    user_cache_dir,
)
from runtime.local.illustrator.art import load_art
from runtime.local.illustrator.drawing import drawn, svg_of
from runtime.local.illustrator.meaning import Meaning
from runtime.local.illustrator.planner import Planner
from runtime.local.sentences import SentenceModel

PROMPTS = Path(__file__).parent.parent / "tests/contract/illustrator"
_COLUMNS, _CELL, _CAPTION = 10, 134, 26
_SIZE = re.compile(r'width="\d+" height="\d+"(?= viewBox)')
_FONT = "DejaVu Sans, Arial, sans-serif"


def planner() -> Planner:
    """As the server has it."""
    cache = ArtifactCache(load_settings().cache_dir or user_cache_dir())
    art = load_art()
    weights, tokenizer = cache.path(EMBEDDING_WEIGHTS), cache.path(EMBEDDING_TOKENIZER)
    return Planner(art, Meaning(art, lambda: SentenceModel(weights, tokenizer)))


def sheet(prompts: Sequence[str], side: int, seed: int) -> tuple[bytes, list[float]]:
    """The sheet as PNG, and the CPU milliseconds of each picture at ``side`` x ``side`` pixels."""
    plans = planner()
    cells, spent = [], []
    for number, prompt in enumerate(prompts):
        x, y = number % _COLUMNS * _CELL, number // _COLUMNS * (_CELL + _CAPTION)
        started = time.process_time()
        try:
            plan = plans.plan(prompt)
            drawn(plan, side, side, seed)
            spent.append(1000 * (time.process_time() - started))
            cells.append(_nested(svg_of(plan, side, side, seed), number, x, y))
        except InvalidRequest as refusal:
            cells.append(_text(refusal.message, x, y + 14, "#8a1f1f", 25))
        cells.append(_text(prompt, x, y + _CELL + 8, "#333333", 27))
    rows = -(-len(prompts) // _COLUMNS)
    size = f'width="{_COLUMNS * _CELL}" height="{rows * (_CELL + _CAPTION)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}>'
    svg = f'{head}<rect width="100%" height="100%" fill="#ffffff"/>{"".join(cells)}</svg>'
    return bytes(resvg_py.svg_to_bytes(svg_string=svg)), spent


def _nested(svg: str, number: int, x: int, y: int) -> str:
    """A picture inside the sheet, its ids its own."""
    for mark in (' id="', "url(#", 'href="#'):
        svg = svg.replace(mark, f"{mark}c{number}-")
    place = f'x="{x}" y="{y}" width="{_CELL - 4}" height="{_CELL - 4}"'
    return _SIZE.sub(place, svg, count=1)


def _text(text: str, x: int, y: int, colour: str, width: int) -> str:
    lines = textwrap.wrap(text, width)
    return "".join(
        f'<text x="{x + 2}" y="{y + 11 * line}" font-size="9" fill="{colour}" font-family="{_FONT}">'
        f"{html.escape(words)}</text>"
        for line, words in enumerate(lines)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", choices=("prompts", "fresh"))
    parser.add_argument("target", type=Path)
    parser.add_argument("--side", type=int, default=512, help="pixels of a picture before it is shrunk")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    listed = json.loads((PROMPTS / f"{asked.list}.json").read_text())
    prompts = [one if isinstance(one, str) else one["prompt"] for one in listed]
    png, spent = sheet(prompts, asked.side, asked.seed)
    asked.target.parent.mkdir(parents=True, exist_ok=True)
    asked.target.write_bytes(png)
    middle, most = statistics.median(spent), max(spent)
    print(f"{len(spent)} pictures of {asked.side} px: median {middle:.0f} ms of CPU, most {most:.0f} ms")


if __name__ == "__main__":
    main()
