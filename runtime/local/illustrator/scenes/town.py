"""Town: a skyline and a street."""

from runtime.local.illustrator.canvas import Canvas, Point, num
from runtime.local.illustrator.colours import shaded
from runtime.local.illustrator.scenes.light import hazy, lit
from runtime.local.illustrator.values import Scene, Time


def skyline(canvas: Canvas, scene: Scene, horizon: float, height: float = 0.34) -> None:
    """Two rows of buildings; at night their windows are lit."""
    random, side = canvas.random, canvas.side
    night = scene.time is Time.NIGHT
    for distance, scale in ((0.5, 1.0), (0.12, 0.78)):
        x = -side * 0.03
        while x < canvas.width:
            width = side * random.uniform(0.075, 0.13)
            h = side * height * scale * random.uniform(0.5, 1.05)
            wall = random.choice(("#7f8fb3", "#8c7fa6", "#6f8fa8", "#a08c94", "#6d7794"))
            wall = hazy(shaded(wall, -0.22) if night else wall, scene, distance)
            _building(canvas, scene, (x, horizon + side * 0.012), (width, h), wall)
            x += width * random.uniform(1.0, 1.12)


def _building(canvas: Canvas, scene: Scene, foot: Point, reach: tuple[float, float], wall: str) -> None:
    random = canvas.random
    (x, y), (width, h) = foot, reach
    canvas.rect(x, y - h, width, h, wall)
    if scene.snowy:
        snow = hazy("#f7fbff", scene, 0.1)
        canvas.rect(x - width * 0.03, y - h - width * 0.09, width * 1.06, width * 0.18, snow, 'rx="4"')
    roof = random.random()
    if roof < 0.2:
        canvas.polygon(((x, y - h), (x + width / 2, y - h - width * 0.5), (x + width, y - h)), wall)
    elif roof < 0.4:
        canvas.rect(x + width * 0.46, y - h - width * 0.45, width * 0.06, width * 0.45, wall)
    pane, gap = width * 0.14, width * 0.225
    bright = scene.time in (Time.NIGHT, Time.SUNSET)
    row = y - h + gap
    panes: dict[str, list[str]] = {}
    while row < y - gap:
        for column in range(4):
            on = random.random() < (0.62 if scene.time is Time.NIGHT else 0.3)
            colour = "#ffd877" if bright and on else shaded(wall, -0.1 if bright else 0.13)
            left = x + width * 0.09 + column * gap
            panes.setdefault(colour, []).append(
                f"M{num(left)} {num(row)}h{num(pane)}v{num(pane * 1.2)}h{num(-pane)}z"
            )
        row += pane * 2.1
    for colour, shapes in panes.items():
        canvas.path("".join(shapes), colour)


def road(canvas: Canvas, scene: Scene, top: float) -> None:
    """A street seen from the side: pavement, kerb, asphalt with a dashed line."""
    side, width, height = canvas.side, canvas.width, canvas.height
    pavement, asphalt_tone = ("#eef3f8", "#cdd7e2") if scene.snowy else ("#b9b4ae", "#5a5d66")
    canvas.rect(0, top, width, height - top, lit(pavement, scene))
    kerb = top + (height - top) * 0.22
    canvas.rect(0, kerb, width, side * 0.012, lit("#e3dfd9", scene))
    asphalt = kerb + side * 0.012
    canvas.rect(0, asphalt, width, height - asphalt, lit(asphalt_tone, scene))
    middle = asphalt + (height - asphalt) * 0.62
    dash = side * 0.09
    x = -canvas.random.uniform(0, dash)
    while x < width:
        canvas.rect(x, middle, dash, side * 0.014, lit("#f4d35e", scene), f'rx="{num(side * 0.004)}"')
        x += dash * 1.8
