"""What a drawing needs to know of a glyph: where its ink is, its outline and its colours."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import resvg_py

from scripts.art.pixels import Pixels, pixels

_SIZE: Final = 128
_UNITS: Final = 32
_COLUMNS: Final = 16
_LEAST_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Measures:
    """In units of the 32 x 32 box. ``box``: x, y, width, height of the ink; ``top``: for 16 columns
    across the ink, the height of its upper edge above the ink's lower edge, in percent of the ink's
    height; ``paint``: flat colours with their shares of the ink in permille, largest first."""

    box: tuple[float, float, float, float]
    top: tuple[int, ...]
    paint: tuple[tuple[str, int], ...]


def measured(svg: str) -> Measures:
    """Draws the glyph and looks."""
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{_SIZE}" height="{_SIZE}" viewBox="0 0 {_UNITS} {_UNITS}">{svg}</svg>'
    )
    seen = pixels(bytes(resvg_py.svg_to_bytes(svg_string=picture)))
    ink = seen[:, :, 3] > 127
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    unit = _UNITS / _SIZE
    box = tuple(round(value * unit, 2) for value in (left, top, right - left, bottom - top))
    return Measures(
        (box[0], box[1], box[2], box[3]),
        _outline(ink[top:bottom, left:right]),
        _paint(seen, ink),
    )


def _outline(ink: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]") -> tuple[int, ...]:
    height, width = ink.shape
    heights = []
    for column in range(_COLUMNS):
        part = ink[:, column * width // _COLUMNS : max(column + 1, (column + 1) * width // _COLUMNS)]
        filled = np.flatnonzero(part.any(axis=1))
        heights.append(round(100 * (height - int(filled[0])) / height) if len(filled) else 0)
    return tuple(heights)


def _paint(
    seen: Pixels, ink: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]"
) -> tuple[tuple[str, int], ...]:
    colours = Counter(map(tuple, seen[ink][:, :3].tolist()))
    total = int(ink.sum())
    flat = [(f"#{r:02x}{g:02x}{b:02x}", n) for (r, g, b), n in colours.most_common(24)]
    return tuple((name, round(1000 * n / total)) for name, n in flat if n / total >= _LEAST_SHARE)
