"""Sky: its colours, sun, moon, stars, clouds, rainbow, and what falls from it."""

import math

from runtime.local.illustrator.canvas import Canvas, num
from runtime.local.illustrator.colours import mixed
from runtime.local.illustrator.scenes.light import lit, sky_stops
from runtime.local.illustrator.values import Scene, Time, Weather

_RAINBOW = ("#f0513c", "#ff9a2e", "#ffd83a", "#4cc262", "#3b8fe8", "#7a55c7")


def sky(canvas: Canvas, scene: Scene, horizon: float, shown: frozenset[str]) -> None:
    """Everything above the horizon. ``shown`` names what the things themselves show (sun, moon)."""
    canvas.graded(0, horizon + canvas.side * 0.08, sky_stops(scene))
    covered = scene.weather in (Weather.RAIN, Weather.STORM, Weather.FOG, Weather.SNOW, Weather.CLOUDS)
    if scene.time is Time.NIGHT:
        if not covered or scene.starry:
            stars(canvas, horizon)
        if not covered and "moon" not in shown and not scene.starry:
            _moon(canvas, horizon)
    elif not covered and "sun" not in shown:
        _sun(canvas, scene, horizon)
    if "rainbow" in shown:
        _rainbow(canvas, horizon)
    if not (scene.starry or (scene.time is Time.NIGHT and not covered)):
        clouds(canvas, scene, horizon, 6 if covered else 3)


def stars(canvas: Canvas, below: float, density: float = 1.0) -> None:
    """Stars from the top edge down to ``below``."""
    random = canvas.random
    for _ in range(int(90 * density * canvas.width / canvas.side)):
        x, y = random.uniform(0, canvas.width), random.uniform(0, below * 0.95)
        size = random.choice((0.0011, 0.0014, 0.0018, 0.0026)) * canvas.side
        fade = 1 - 0.7 * y / below
        canvas.circle(
            x, y, size, random.choice(("#ffffff", "#fff3c9", "#cfdcff")), f'fill-opacity="{fade:.2f}"'
        )
    for _ in range(int(7 * density)):
        x, y = random.uniform(0, canvas.width), random.uniform(0, below * 0.75)
        sparkle(canvas, x, y, random.uniform(0.006, 0.012) * canvas.side, "#fffbe6")


def sparkle(canvas: Canvas, x: float, y: float, r: float, fill: str) -> None:
    """A star of four points."""
    points = []
    for corner in range(8):
        reach = r if corner % 2 == 0 else r * 0.28
        angle = math.pi * corner / 4
        points.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
    canvas.polygon(points, fill)


def glow(canvas: Canvas, x: float, y: float, r: float, colour: str, strength: float) -> None:
    """Light around a point."""
    canvas.halo(x, y, (r, r), colour, strength)


def clouds(canvas: Canvas, scene: Scene, horizon: float, count: int) -> None:
    """Clouds in the upper sky, spread from left to right."""
    random = canvas.random
    for number in range(count):
        x = canvas.width * (number + random.uniform(0.15, 0.85)) / count
        size = canvas.side * random.uniform(0.09, 0.17)
        y = max(size * 1.25, horizon * random.uniform(0.12, 0.5))
        cloud(canvas, x, y, size, _cloud_colour(scene))


def cloud(canvas: Canvas, x: float, y: float, size: float, colour: str) -> None:
    """A cloud with a flat foot; ``size`` is half its width. It hides what is behind it: a renderer needs
    long for what can be seen through."""
    random = canvas.random
    puffs = [(-0.62, 0.24), (-0.25, 0.4), (0.16, 0.5), (0.58, 0.28)]
    if random.random() < 0.5:
        puffs = [(-at, r) for at, r in puffs]
    for at, r in puffs:
        canvas.circle(x + at * size, y - r * size, r * size, colour)
    foot = size * 0.3
    canvas.rect(x - size, y - foot, size * 2, foot, colour, f'rx="{num(foot / 2)}"')


def falling(canvas: Canvas, scene: Scene) -> None:
    """Rain, snow or fog in front of everything."""
    random, side = canvas.random, canvas.side
    area = canvas.width * canvas.height / side**2
    if scene.weather in (Weather.RAIN, Weather.STORM):
        lines = []
        for _ in range(int(170 * area)):
            x, y = random.uniform(-0.05, 1.05) * canvas.width, random.uniform(-0.05, 1) * canvas.height
            length = side * random.uniform(0.025, 0.05)
            lines.append(f"M{num(x)} {num(y)}l{num(-length * 0.22)} {num(length)}")
        canvas.add(
            f'<path d="{"".join(lines)}" stroke="#d9e8f7" stroke-width="{num(side * 0.0026)}" '
            'stroke-linecap="round" stroke-opacity="0.6" fill="none"/>'
        )
    elif scene.weather is Weather.SNOW:
        for _ in range(int(130 * area)):
            x, y = random.uniform(0, canvas.width), random.uniform(0, canvas.height)
            canvas.circle(x, y, side * random.uniform(0.002, 0.006), "#ffffff", 'fill-opacity="0.9"')
    elif scene.weather is Weather.FOG:
        for number in range(4):
            y = canvas.height * (0.35 + 0.14 * number + random.uniform(-0.03, 0.03))
            for half in (0.1, 0.075, 0.05, 0.025):
                canvas.rect(
                    0, y - side * half, canvas.width, side * half * 2, "#e8edf2", 'fill-opacity="0.2"'
                )


def _cloud_colour(scene: Scene) -> str:
    if scene.weather is Weather.STORM:
        return "#5d6678"
    if scene.weather is Weather.RAIN:
        return lit("#b3bdca", scene)
    tint = {Time.SUNSET: "#ffb199", Time.DAWN: "#fff0ea", Time.NIGHT: "#46548f"}
    return tint.get(scene.time or Time.DAY, "#ffffff")


def _sun(canvas: Canvas, scene: Scene, horizon: float) -> None:
    random, side = canvas.random, canvas.side
    low = scene.time in (Time.SUNSET, Time.DAWN)
    x = (
        canvas.width * random.choice((0.24, 0.76))
        if not low
        else canvas.width * random.uniform(0.3, 0.7)
    )
    y = horizon - side * 0.1 if low else horizon * 0.26
    r = side * (0.1 if low else 0.062)
    colour = "#fff0b8" if scene.time is Time.SUNSET else "#ffe27a"
    glow(canvas, x, y, r * 4.2, mixed(colour, "#ffffff", 0.3), 0.75)
    canvas.circle(x, y, r, colour)


def _moon(canvas: Canvas, horizon: float) -> None:
    random, side = canvas.random, canvas.side
    x, y, r = canvas.width * random.choice((0.2, 0.8)), horizon * 0.27, side * 0.055
    glow(canvas, x, y, r * 4, "#dfe6ff", 0.5)
    canvas.circle(x, y, r, "#f6f1d9")
    for at, down, size in ((-0.35, -0.2, 0.2), (0.25, 0.3, 0.26), (0.35, -0.4, 0.13)):
        canvas.circle(x + at * r, y + down * r, size * r, "#e3dcba")


def _rainbow(canvas: Canvas, horizon: float) -> None:
    """A bow of six colours whose feet are behind the horizon."""
    reach = min(canvas.width * 0.44, horizon * 0.86)
    band = reach * 0.052
    for number, colour in enumerate(_RAINBOW):
        r = reach - band * number
        d = f"M{num(canvas.width / 2 - r)} {num(horizon)}a{num(r)} {num(r)} 0 0 1 {num(2 * r)} 0"
        canvas.add(
            f'<path d="{d}" '
            f'fill="none" stroke="{colour}" stroke-width="{num(band * 1.06)}" stroke-opacity="0.92"/>'
        )
