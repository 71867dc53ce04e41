"""A picture in the making: SVG shapes and gradients on a canvas of given pixels."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Final

from runtime.local.illustrator.colours import mixed

Point = tuple[float, float]
Stop = tuple[float, str]
"""Offset 0 to 1, colour."""
_STRIPS: Final = 72
_RINGS: Final = 12


def num(value: float) -> str:
    """A coordinate as SVG writes it: a tenth of a pixel is enough."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


class Canvas:
    """Shapes in drawing order. ``random`` makes all that varies between seeds."""

    def __init__(self, width: int, height: int, random: Random) -> None:
        self.width = width
        self.height = height
        self.random = random
        self._defs: list[str] = []
        self._shapes: list[str] = []

    @property
    def side(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)

    def add(self, svg: str) -> None:
        self._shapes.append(svg)

    def define(self, svg: str) -> None:
        """Something that shapes refer to."""
        self._defs.append(svg)

    def new_id(self) -> str:
        return f"d{len(self._defs)}"

    def graded(self, y: float, height: float, stops: Sequence[Stop]) -> None:
        """A gradient from top to bottom over the whole width, as flat strips: the renderer fills those
        five times as fast as a gradient, and the PNG is smaller. No colour may be seen through."""
        top, bottom = max(0, round(y)), min(self.height, round(y + height))
        steps = max(1, min(_STRIPS, (bottom - top) // 3))
        for step in range(steps):
            start = top + (bottom - top) * step // steps
            colour = _at(stops, (step + 0.5) / steps)
            self.add(
                f'<rect y="{start}" width="{self.width}" height="{bottom - start}" fill="{colour}" '
                'shape-rendering="crispEdges"/>'
            )

    def halo(self, x: float, y: float, reach: tuple[float, float], colour: str, alpha: float) -> None:
        """Light or shade that fades outwards from a point to the ``reach`` (x and y), as flat rings."""
        rings = max(5, min(_RINGS, round(max(reach) / 10)))
        inner = 0.0
        for ring in range(rings):
            outer = (ring + 1) / rings
            fade = alpha * (1 - (ring + 0.5) / rings) ** 1.6
            d = _oval(x, y, reach[0] * outer, reach[1] * outer)
            if inner:
                d += _oval(x, y, reach[0] * inner, reach[1] * inner)
            self.path(d, colour, f'fill-opacity="{fade:.3f}" fill-rule="evenodd"')
            inner = outer

    def rect(self, x: float, y: float, width: float, height: float, fill: str, more: str = "") -> None:
        self.add(
            f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" '
            f'fill="{fill}"{_more(more)}/>'
        )

    def circle(self, x: float, y: float, r: float, fill: str, more: str = "") -> None:
        self.add(f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(r)}" fill="{fill}"{_more(more)}/>')

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str, more: str = "") -> None:
        self.add(
            f'<ellipse cx="{num(x)}" cy="{num(y)}" rx="{num(rx)}" ry="{num(ry)}" '
            f'fill="{fill}"{_more(more)}/>'
        )

    def polygon(self, points: Iterable[Point], fill: str, more: str = "") -> None:
        corners = " ".join(f"{num(x)},{num(y)}" for x, y in points)
        self.add(f'<polygon points="{corners}" fill="{fill}"{_more(more)}/>')

    def path(self, d: str, fill: str, more: str = "") -> None:
        self.add(f'<path d="{d}" fill="{fill}"{_more(more)}/>')

    def smooth(
        self, points: Sequence[Point], fill: str, more: str = "", depth: float | None = None
    ) -> None:
        """The land below a smooth line through these points, from the left edge to the right; down to
        ``depth`` below the line where something else covers the rest (large shapes take long)."""
        foot = self.height if depth is None else min(self.height, max(y for _, y in points) + depth)
        d = f"M{num(points[0][0])} {num(points[0][1])}"
        for (x0, y0), (x1, y1) in pairwise(points):
            middle = (x0 + x1) / 2
            d += f"C{num(middle)} {num(y0)} {num(middle)} {num(y1)} {num(x1)} {num(y1)}"
        self.path(f"{d}V{num(foot)}H{num(points[0][0])}Z", fill, more)

    def layer(self, paint: Callable[[], None]) -> str:
        """The shapes that ``paint`` adds, kept apart, to be added later."""
        kept, self._shapes = self._shapes, []
        paint()
        made, self._shapes = self._shapes, kept
        return "".join(made)

    def svg(self) -> str:
        """The whole document."""
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}">'
            f"<defs>{''.join(self._defs)}</defs>{''.join(self._shapes)}</svg>"
        )


def _at(stops: Sequence[Stop], offset: float) -> str:
    """The colour of a gradient at an offset."""
    before = stops[0]
    for stop in stops:
        if stop[0] >= offset:
            span = stop[0] - before[0]
            return mixed(before[1], stop[1], (offset - before[0]) / span if span else 0.0)
        before = stop
    return before[1]


def _oval(x: float, y: float, rx: float, ry: float) -> str:
    """The path of an ellipse."""
    return (
        f"M{num(x - rx)} {num(y)}a{num(rx)} {num(ry)} 0 1 0 {num(2 * rx)} 0"
        f"a{num(rx)} {num(ry)} 0 1 0 {num(-2 * rx)} 0Z"
    )


def _more(more: str) -> str:
    return f" {more}" if more else ""
