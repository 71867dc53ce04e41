"""Water: the sea from above and from within, lakes and beaches."""

from runtime.local.illustrator.canvas import Canvas, num
from runtime.local.illustrator.colours import mixed, shaded
from runtime.local.illustrator.scenes.light import lit, sky_stops
from runtime.local.illustrator.values import Scene, Time

SEA = "#2a93d5"
SAND = "#f3d9a0"


def sea(canvas: Canvas, scene: Scene, top: float, bottom: float) -> None:
    """Open water between two heights, with the light of the sky on it."""
    near = lit(scene.soil or SEA, scene)
    far = mixed(near, sky_stops(scene)[-2][1], 0.42)
    canvas.graded(top, bottom - top + 1, ((0, far), (1, near)))
    _glitter(canvas, scene, top, bottom)


def surf(canvas: Canvas, scene: Scene, y: float) -> None:
    """Where the sea meets the sand: foam on a curved line."""
    side = canvas.side
    points = [
        (-side * 0.1 + canvas.width * i / 5, y + side * (0.012 if i % 2 else -0.008)) for i in range(7)
    ]
    canvas.smooth(
        [(x, v - side * 0.012) for x, v in points], lit("#ffffff", scene), 'fill-opacity="0.85"'
    )
    wet = lit(shaded(scene.soil or SAND, -0.07), scene)
    canvas.smooth(points, wet, depth=side * 0.06)
    dry = lit(scene.soil or SAND, scene)
    light = mixed(dry, lit("#fff6dc", scene), 0.5)
    for number in range(4):
        shore = [(x, v + side * (0.035 + 0.085 * number)) for x, v in points]
        canvas.smooth(shore, mixed(dry, light, number / 3), depth=None if number == 3 else side * 0.12)
    for _ in range(int(40 * canvas.width / side)):
        x, v = (
            canvas.random.uniform(0, canvas.width),
            canvas.random.uniform(y + side * 0.08, canvas.height),
        )
        canvas.circle(x, v, side * 0.0022, shaded(dry, -0.1), 'fill-opacity="0.6"')


def waves(canvas: Canvas, scene: Scene, y: float, bottom: float) -> str:
    """A band of waves from ``y`` to ``bottom``, to be drawn in front of what floats."""
    side = canvas.side
    near = lit(scene.soil or SEA, scene)
    step = side * 0.085
    count = int(canvas.width / step) + 3
    start = -step * canvas.random.uniform(0.2, 1)
    out = []
    for row, (down, tone) in enumerate(((0.0, 0.035), (0.055, 0.0), (0.12, -0.035))):
        top = y + side * down
        x = start - step * 0.5 * (row % 2)
        d = f"M{num(x)} {num(top)}" + f"q{num(step / 2)} {num(side * 0.022)} {num(step)} 0" * count
        out.append(
            f'<path d="{d}V{num(bottom)}H{num(x)}Z" fill="{shaded(near, tone)}" fill-opacity="0.96"/>'
        )
    return "".join(out)


def underwater(canvas: Canvas, scene: Scene) -> None:
    """Light from above, a sandy bottom with plants, bubbles."""
    width, height, side, random = canvas.width, canvas.height, canvas.side, canvas.random
    top, deep = scene.soil or "#3fc1e0", "#0c3f7c"
    if scene.time is Time.NIGHT:
        top, deep = "#1d5f94", "#071f47"
    canvas.graded(0, height, ((0, top), (0.55, mixed(top, deep, 0.6)), (1, deep)))
    for number in range(4):
        x = width * (number + random.uniform(0.1, 0.9)) / 4
        spread = side * random.uniform(0.08, 0.16)
        for reach in (0.3, 0.45, 0.6, 0.75):
            far = spread * 1.25 * reach
            points = (
                (x, 0),
                (x + spread * 0.5, 0),
                (x - far, height * reach),
                (x - far * 2.4, height * reach),
            )
            canvas.polygon(points, "#ffffff", 'fill-opacity="0.05"')
    floor = height - side * 0.13
    sand = lit("#d9c08a", scene)
    points2 = [
        (-side * 0.1 + width * i / 4, floor + side * (0.02 if i % 2 else -0.025)) for i in range(6)
    ]
    canvas.smooth(points2, mixed(sand, deep, 0.4))
    canvas.smooth([(x, y + side * 0.05) for x, y in points2], mixed(sand, deep, 0.22))
    for _ in range(int(9 * width / side)):
        _weed(canvas, random.uniform(0, width), height - side * random.uniform(0.02, 0.1))
    for _ in range(int(26 * width / side)):
        r = side * random.uniform(0.003, 0.011)
        x, y = random.uniform(0, width), random.uniform(height * 0.1, height * 0.85)
        canvas.circle(x, y, r, "#ffffff", 'fill-opacity="0.28"')
        canvas.circle(x - r * 0.3, y - r * 0.3, r * 0.3, "#ffffff", 'fill-opacity="0.7"')


def _weed(canvas: Canvas, x: float, y: float) -> None:
    random, side = canvas.random, canvas.side
    h = side * random.uniform(0.09, 0.2)
    colour = random.choice(("#1f9d72", "#2bb673", "#158f83", "#d65f8a"))
    for lean in (-0.35, 0.0, 0.3):
        bend, tall = lean * h * 0.7, h * random.uniform(0.7, 1)
        canvas.add(
            f'<path d="M{num(x)} {num(y)}c{num(bend)} {num(-tall * 0.4)} {num(-bend * 0.6)} '
            f'{num(-tall * 0.7)} {num(bend)} {num(-tall)}" stroke="{colour}" fill="none" '
            f'stroke-width="{num(side * 0.011)}" stroke-linecap="round"/>'
        )


def _glitter(canvas: Canvas, scene: Scene, top: float, bottom: float) -> None:
    """Short light strokes; at a low sun they gather below it."""
    random, side = canvas.random, canvas.side
    low = scene.time in (Time.SUNSET, Time.DAWN)
    colour = "#ffe3a3" if low else lit("#ffffff", scene)
    for _ in range(int(34 * canvas.width / side)):
        y = top + (bottom - top) * random.random() ** 1.4
        x = (
            random.gauss(canvas.width / 2, canvas.width * 0.16)
            if low
            else random.uniform(0, canvas.width)
        )
        length = side * random.uniform(0.015, 0.05) * (0.5 + (y - top) / max(1.0, bottom - top))
        canvas.rect(
            x - length / 2,
            y,
            length,
            side * 0.0036,
            colour,
            f'rx="{num(side * 0.0018)}" fill-opacity="0.6"',
        )
