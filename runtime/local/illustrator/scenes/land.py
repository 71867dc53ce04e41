"""Land: hills, mountains, woods, cities, dunes, snow and streets, near and far."""

from typing import Final

from runtime.local.illustrator.canvas import Canvas, Point, num
from runtime.local.illustrator.colours import mixed, shaded
from runtime.local.illustrator.scenes.light import hazy, lit
from runtime.local.illustrator.values import Scene

_TONES: Final = 5


def ridge(canvas: Canvas, y: float, rise: float, waves: int) -> list[Point]:
    """A rolling line around ``y`` from beyond the left edge to beyond the right one."""
    random = canvas.random
    step = canvas.width / waves
    return [
        (-step + step * number, y - rise * random.uniform(-0.5, 1) * (1 if number % 2 else 0.2))
        for number in range(waves + 3)
    ]


def hills(canvas: Canvas, scene: Scene, horizon: float, colour: str) -> None:
    """Two rows of far hills."""
    side = canvas.side
    canvas.smooth(
        ridge(canvas, horizon - side * 0.03, side * 0.1, 3), hazy(colour, scene, 0.5), depth=side * 0.1
    )
    canvas.smooth(ridge(canvas, horizon, side * 0.06, 4), hazy(colour, scene, 0.25), depth=side * 0.16)


def ground(canvas: Canvas, scene: Scene, horizon: float, colour: str, rise: float = 0.02) -> None:
    """The near ground, lighter at its far edge."""
    base = scene.soil or colour
    near, far = lit(base, scene), lit(mixed(base, "#fff7c8", 0.16), scene)
    line = ridge(canvas, horizon, canvas.side * rise, 2)
    deep = (canvas.height - horizon) / _TONES
    for tone in range(_TONES):
        share = tone / (_TONES - 1)
        colour = mixed(far, near, share * 2) if share < 0.5 else shaded(near, 0.04 - 0.08 * share)
        flat = 1 - 0.8 * share
        edge = [(x, horizon + (y - horizon) * flat + deep * tone) for x, y in line]
        canvas.smooth(edge, colour, depth=deep * 2 if tone + 1 < _TONES else None)


def tufts(canvas: Canvas, scene: Scene, horizon: float, colour: str, flowers: bool) -> None:
    """Grass and small flowers."""
    random, side = canvas.random, canvas.side
    blade = lit(shaded(scene.soil or colour, -0.09), scene)
    marks = []
    for _ in range(int(46 * canvas.width / side)):
        y = random.uniform(horizon + side * 0.05, canvas.height * 0.99)
        x, h = random.uniform(0, canvas.width), side * 0.012 * (0.6 + (y - horizon) / canvas.height * 2)
        marks += [
            f"M{num(x + lean * h * 0.4)} {num(y)}q{num(lean * h * 0.3)} {num(-h)} "
            f"{num(lean * h)} {num(-h * 1.5)}"
            for lean in (-0.5, 0.0, 0.5)
        ]
    canvas.add(
        f'<path d="{"".join(marks)}" stroke="{blade}" stroke-width="{num(side * 0.0028)}" '
        'stroke-linecap="round" fill="none"/>'
    )
    for _ in range(int(16 * canvas.width / side) if flowers else 0):
        x, y = random.uniform(0, canvas.width), random.uniform(horizon + side * 0.06, canvas.height)
        petal = lit(random.choice(("#ffffff", "#ffd23f", "#ff8fb8", "#ffb347")), scene)
        canvas.circle(x, y, side * 0.0055, petal)
        canvas.circle(x, y, side * 0.002, lit("#f2a71b", scene))


def mountains(canvas: Canvas, scene: Scene, horizon: float) -> None:
    """Two ranges; the far one is pale."""
    snow = scene.snowy
    for distance, top, count in ((0.55, 0.34, 4), (0.22, 0.24, 5)):
        _range(canvas, scene, horizon, (distance, top + (0.05 if snow else 0)), count)


def _range(canvas: Canvas, scene: Scene, horizon: float, far: tuple[float, float], count: int) -> None:
    random, side = canvas.random, canvas.side
    distance, top = far
    rock = "#6d7c9c" if scene.soil is None else scene.soil
    order = list(range(count))
    random.shuffle(order)
    for number in order:
        x = canvas.width * (number + random.uniform(0.25, 0.75)) / count
        h = side * top * random.uniform(0.72, 1.12)
        half = max(h * random.uniform(0.75, 1.0), canvas.width / count * 0.62)
        _mountain(canvas, scene, (x, horizon + side * 0.02), (half, h), hazy(rock, scene, distance))


def _mountain(
    canvas: Canvas, scene: Scene, foot: Point, reach: tuple[float, float], colour: str
) -> None:
    x, y = foot
    half, h = reach
    peak = (x + canvas.random.uniform(-0.1, 0.1) * half, y - h)
    canvas.polygon(((x - half, y), peak, (x + half, y)), colour)
    canvas.polygon((peak, (x + half, y), (peak[0] + half * 0.08, y)), shaded(colour, -0.06))
    depth = 0.46 if scene.snowy else 0.3
    left = (peak[0] + (x - half - peak[0]) * depth, peak[1] + h * depth)
    right = (peak[0] + (x + half - peak[0]) * depth, peak[1] + h * depth)
    width = right[0] - left[0]
    teeth = [(left[0] + width * (i / 6), left[1] + h * (0.11 if i % 2 else -0.05)) for i in range(1, 6)]
    canvas.polygon((left, peak, right, *reversed(teeth)), hazy("#f7fbff", scene, 0.1))


def dunes(canvas: Canvas, scene: Scene, horizon: float) -> None:
    """Sand hills, each with its shaded side."""
    side = canvas.side
    sand = scene.soil or "#eebd6b"
    for distance, y, rise in ((0.4, -0.005, 0.08), (0.18, 0.03, 0.06)):
        colour = hazy(sand, scene, distance)
        canvas.smooth(ridge(canvas, horizon + side * y, side * rise, 3), colour)
    ground(canvas, scene, horizon + side * 0.07, sand, 0.03)
    for number in range(3):
        y = horizon + side * (0.14 + 0.1 * number)
        x = canvas.random.uniform(0, canvas.width * 0.7)
        length = canvas.width * canvas.random.uniform(0.2, 0.4)
        canvas.add(
            f'<path d="M{num(x)} {num(y)}q{num(length / 2)} {num(-side * 0.02)} {num(length)} 0" '
            f'stroke="{lit(shaded(sand, -0.06), scene)}" stroke-width="{num(side * 0.004)}" '
            'stroke-linecap="round" fill="none" stroke-opacity="0.7"/>'
        )


def craters(canvas: Canvas, top: float, colour: str) -> None:
    """Craters on a grey ground."""
    random, side = canvas.random, canvas.side
    for _ in range(9):
        y = random.uniform(top + side * 0.06, canvas.height)
        r = side * random.uniform(0.02, 0.06) * (0.6 + (y - top) / canvas.height)
        x = random.uniform(0, canvas.width)
        canvas.ellipse(x, y, r, r * 0.34, shaded(colour, -0.08))
        canvas.ellipse(x, y + r * 0.06, r * 0.86, r * 0.25, shaded(colour, -0.03))


def icebergs(canvas: Canvas, scene: Scene, horizon: float) -> None:
    """White cliffs far off on the sea."""
    random, side = canvas.random, canvas.side
    for number in range(4):
        x = canvas.width * (number + random.uniform(0.2, 0.8)) / 4
        half, h = side * random.uniform(0.07, 0.14), side * random.uniform(0.06, 0.14)
        colour = hazy("#eef6fd", scene, 0.15)
        peak = (x - half * 0.2, horizon - h)
        shoulder = (x + half * 0.45, horizon - h * 0.62)
        foot = horizon + 2
        canvas.polygon(
            ((x - half, foot), (x - half * 0.7, horizon - h * 0.4), peak, shoulder, (x + half, foot)),
            colour,
        )
        canvas.polygon((peak, shoulder, (x + half, foot), (x + half * 0.1, foot)), shaded(colour, -0.06))


def floe(canvas: Canvas, scene: Scene, top: float) -> None:
    """The ice that one stands on: its edge, its glassy top, cracks and snow."""
    side, random = canvas.side, canvas.random
    points = ridge(canvas, top, side * 0.015, 6)
    canvas.smooth(points, lit("#9fd0ec", scene))
    ice = lit("#dff1fb", scene)
    canvas.smooth([(x, y - side * 0.014) for x, y in points], ice)
    for number in range(5):
        tone = mixed(ice, lit("#f7fcff", scene), (number + 1) / 5)
        canvas.smooth([(x, y + side * 0.06 * (number + 0.5)) for x, y in points], tone)
    crack = lit("#a9d6ee", scene)
    for _ in range(5):
        x, y = random.uniform(0, canvas.width), random.uniform(top + side * 0.05, canvas.height)
        d = f"M{num(x)} {num(y)}"
        for _ in range(3):
            d += f"l{num(side * random.uniform(0.02, 0.07))} {num(side * random.uniform(-0.02, 0.02))}"
        canvas.add(f'<path d="{d}" stroke="{crack}" stroke-width="{num(side * 0.003)}" fill="none"/>')
    for _ in range(6):
        x, y = random.uniform(0, canvas.width), random.uniform(top + side * 0.08, canvas.height)
        canvas.ellipse(x, y, side * random.uniform(0.05, 0.12), side * 0.012, lit("#ffffff", scene))
