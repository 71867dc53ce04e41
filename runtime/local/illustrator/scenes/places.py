"""Places that are no landscape: rooms, space, a plain studio, the sky itself."""

from typing import Final

from runtime.local.illustrator.canvas import Canvas, num
from runtime.local.illustrator.colours import lch, mixed, shaded
from runtime.local.illustrator.scenes.light import lit, sky_stops
from runtime.local.illustrator.scenes.sky import cloud, glow, sparkle, stars
from runtime.local.illustrator.values import Scene, Time

_STUDIOS: Final = ("#dfeefb", "#e6f5e8", "#fdeed9", "#f1e8fa", "#fde6e6", "#e0f4f3")
_RINGS: Final = 10
_WALLS: Final = ("#f3dcc0", "#cfe3d8", "#d6dcef", "#f0d5d2", "#e8e2c8")


def studio(canvas: Canvas, scene: Scene, avoid: str | None, line: float | None) -> None:
    """A plain background. Without a colour asked for it is a soft one unlike ``avoid``, with a
    floor from ``line`` down."""
    if scene.background is not None:
        canvas.rect(0, 0, canvas.width, canvas.height, scene.background)
        return
    choices = [c for c in _STUDIOS if avoid is None or _unlike(c, avoid)] or list(_STUDIOS)
    wall = canvas.random.choice(choices)
    canvas.rect(0, 0, canvas.width, canvas.height, wall)
    reach = (canvas.width * 0.62, canvas.height * 0.52)
    for ring in range(_RINGS):
        size = 1 - ring / _RINGS
        tone = mixed(wall, "#ffffff", 0.75 * ring / (_RINGS - 1))
        canvas.ellipse(canvas.width / 2, canvas.height * 0.45, reach[0] * size, reach[1] * size, tone)
    if line is None:
        return
    floor = shaded(wall, -0.045)
    canvas.graded(line, canvas.height - line, ((0, floor), (1, wall)))


def _unlike(first: str, second: str) -> bool:
    one, two = lch(first), lch(second)
    gap = abs(one.hue - two.hue) % 360
    return two.chroma < 0.03 or min(gap, 360 - gap) > 55


def room(canvas: Canvas, scene: Scene, line: float) -> None:
    """A wall with a window and a picture, a skirting board, a wooden floor and a rug."""
    width, height, side, random = canvas.width, canvas.height, canvas.side, canvas.random
    wall = scene.soil or random.choice(_WALLS)
    wall = lit(wall, scene) if scene.time is Time.NIGHT else wall
    canvas.graded(0, line, ((0, shaded(wall, 0.02)), (1, shaded(wall, -0.02))))
    stripe = side * 0.06
    for number in range(int(width / stripe / 2) + 1):
        canvas.rect(number * stripe * 2, 0, stripe, line, shaded(wall, 0.018), 'fill-opacity="0.7"')
    _window(canvas, scene, width * random.choice((0.2, 0.8)), line * 0.4)
    floor = lit("#b98458", scene) if scene.time is Time.NIGHT else "#c08d5f"
    under = side * 0.02  # the board hides where they meet, which is no whole pixel
    canvas.rect(0, line - under, width, height - line + under, floor)
    canvas.rect(0, line - side * 0.03, width, side * 0.03, mixed(wall, "#ffffff", 0.6))
    rows = 4
    for row in range(rows):
        y = line + (height - line) * row / rows
        canvas.rect(0, y, width, side * 0.003, shaded(floor, -0.06))
        x = side * random.uniform(0.05, 0.3)
        while x < width:
            canvas.rect(x, y, side * 0.003, (height - line) / rows, shaded(floor, -0.06))
            x += side * random.uniform(0.25, 0.4)
    rug = random.choice(("#b8574f", "#4f7fa8", "#5f9476", "#8b6aa6"))
    middle = line + (height - line) * 0.55
    canvas.ellipse(width / 2, middle, width * 0.4, (height - line) * 0.34, rug)
    canvas.ellipse(width / 2, middle, width * 0.36, (height - line) * 0.29, shaded(rug, 0.07))
    canvas.ellipse(width / 2, middle, width * 0.345, (height - line) * 0.27, rug)


def _window(canvas: Canvas, scene: Scene, x: float, y: float) -> None:
    side = canvas.side
    half, tall = side * 0.115, side * 0.15
    canvas.rect(
        x - half * 1.12,
        y - tall * 1.09,
        half * 2.24,
        tall * 2.18,
        "#ffffff",
        f'rx="{num(side * 0.008)}"',
    )
    colours = [colour for _, colour in sky_stops(scene)]
    for number, colour in enumerate(colours):
        share = number / len(colours)
        canvas.rect(x - half, y - tall + tall * 2 * share, half * 2, tall * 2 * (1 - share), colour)
    if scene.time is Time.NIGHT:
        canvas.circle(x + half * 0.4, y - tall * 0.45, half * 0.24, "#f6f1d9")
    else:
        cloud(canvas, x - half * 0.1, y - tall * 0.1, half * 0.5, "#ffffff")
    canvas.rect(x - side * 0.005, y - tall, side * 0.01, tall * 2, "#ffffff")
    canvas.rect(x - half, y - side * 0.005, half * 2, side * 0.01, "#ffffff")
    canvas.rect(
        x - half * 1.25,
        y + tall * 1.05,
        half * 2.5,
        side * 0.022,
        "#f0ece6",
        f'rx="{num(side * 0.005)}"',
    )


def space(canvas: Canvas, shown: frozenset[str]) -> None:
    """Stars and coloured clouds; a planet where the things show none."""
    width, height, side, random = canvas.width, canvas.height, canvas.side, canvas.random
    canvas.graded(0, height, ((0, "#0b0a2a"), (0.5, "#1a1550"), (1, "#2a1a5e")))
    for colour in ("#7a3fd0", "#d0449a", "#2f6fe0"):
        x, y = random.uniform(0, width), random.uniform(0, height)
        glow(canvas, x, y, side * random.uniform(0.3, 0.5), colour, 0.4)
    stars(canvas, height * 1.6, 2.2)
    for _ in range(5):
        sparkle(
            canvas,
            random.uniform(0, width),
            random.uniform(0, height),
            side * random.uniform(0.008, 0.016),
            "#ffffff",
        )
    if "planet" not in shown:
        x, y, r = width * random.choice((0.12, 0.88)), height * random.choice((0.16, 0.84)), side * 0.1
        colour = random.choice(("#e08f5a", "#5fb7c9", "#c97bb5"))
        _planet(canvas, x, y, r, colour)


def _planet(canvas: Canvas, x: float, y: float, r: float, colour: str) -> None:
    clip = canvas.new_id()
    canvas.define(f'<clipPath id="{clip}"><circle cx="{num(x)}" cy="{num(y)}" r="{num(r)}"/></clipPath>')
    canvas.circle(x, y, r, colour)
    canvas.add(f'<g clip-path="url(#{clip})">')
    for up, tall, tone in ((-0.6, 0.22, 0.06), (-0.1, 0.16, -0.06), (0.3, 0.26, 0.05)):
        canvas.rect(x - r, y + up * r, r * 2, tall * r, shaded(colour, tone))
    canvas.circle(x + r * 0.75, y + r * 0.4, r * 1.25, "#000020", 'fill-opacity="0.18"')
    canvas.add("</g>")


def heights(canvas: Canvas, scene: Scene) -> None:
    """High up: clouds above and a bank of them below."""
    width, height, side, random = canvas.width, canvas.height, canvas.side, canvas.random
    white = {Time.NIGHT: "#5b689f", Time.SUNSET: "#ffc2a8"}.get(scene.time or Time.DAY, "#ffffff")
    for number in range(4):
        x = width * (number + random.uniform(0.1, 0.9)) / 4
        pale = mixed(white, "#bfe2fa", 0.25)
        y = height * random.uniform(0.14, 0.62)
        cloud(canvas, x, y, side * random.uniform(0.1, 0.18), pale)
    for row, (down, tone) in enumerate(((0.9, 0.75), (0.97, 1.0))):
        x = -side * 0.1
        while x < width + side * 0.1:
            r = side * random.uniform(0.07, 0.12)
            canvas.circle(x, height * down + r * 0.35, r, white, f'fill-opacity="{tone:g}"')
            x += r * (1.1 + 0.1 * row)
