"""Trees: firs, round trees, palms, cactuses; woods of them."""

from collections.abc import Sequence

from runtime.local.illustrator.canvas import Canvas, num
from runtime.local.illustrator.colours import mixed, shaded
from runtime.local.illustrator.scenes.light import hazy, lit
from runtime.local.illustrator.values import Scene


def conifer(canvas: Canvas, x: float, y: float, h: float, colours: tuple[str, str], snowy: bool) -> None:
    """A fir of three tiers with its foot at (x, y); ``colours`` of needles and trunk."""
    needles, trunk = colours
    canvas.rect(x - h * 0.035, y - h * 0.16, h * 0.07, h * 0.16, trunk)
    for tier, (low, high, half) in enumerate(((0.1, 0.52, 0.27), (0.34, 0.76, 0.21), (0.58, 1.0, 0.15))):
        points = ((x - h * half, y - h * low), (x, y - h * high), (x + h * half, y - h * low))
        canvas.polygon(points, shaded(needles, 0.025 * tier))
        if snowy:
            tip = h * (high - low) * 0.45
            narrow = half * 0.45
            canvas.polygon(
                (
                    (x - h * narrow, y - h * high + tip),
                    (x, y - h * high),
                    (x + h * narrow, y - h * high + tip),
                    (x + h * narrow * 0.3, y - h * high + tip * 0.8),
                    (x - h * narrow * 0.3, y - h * high + tip * 1.05),
                ),
                mixed("#ffffff", needles, 0.08),
            )


def broadleaf(canvas: Canvas, x: float, y: float, h: float, colours: tuple[str, str]) -> None:
    """A round tree with its foot at (x, y)."""
    leaves, trunk = colours
    canvas.rect(x - h * 0.04, y - h * 0.42, h * 0.08, h * 0.42, trunk)
    for at, up, r in ((-0.17, 0.55, 0.2), (0.17, 0.55, 0.2), (0, 0.74, 0.25), (0, 0.52, 0.2)):
        canvas.circle(x + at * h, y - up * h, r * h, leaves)
    canvas.circle(x - 0.06 * h, y - 0.8 * h, 0.13 * h, shaded(leaves, 0.04))


def woods(
    canvas: Canvas, scene: Scene, horizon: float, rows: Sequence[tuple[float, float, float]]
) -> None:
    """Rows of trees: (distance, height, feet below the horizon), far rows first."""
    random, side = canvas.random, canvas.side
    fir_first = scene.snowy or random.random() < 0.5
    for distance, height, down in rows:
        thicket = hazy("#2a6b3e", scene, min(0.9, distance + 0.1))
        canvas.rect(
            0, horizon + side * (down - height * 0.24), canvas.width, side * height * 0.3, thicket
        )
        x = -0.05 * canvas.width
        while x < canvas.width * 1.05:
            h = side * height * random.uniform(0.78, 1.18)
            y = horizon + side * (down + random.uniform(-0.006, 0.012))
            colours = (
                hazy(random.choice(("#2f7d46", "#3a8f4b", "#276b45")), scene, distance),
                hazy("#6b4a33", scene, distance),
            )
            if fir_first or random.random() < 0.35:
                conifer(canvas, x, y, h, colours, scene.snowy)
            else:
                broadleaf(canvas, x, y, h, colours)
            x += h * random.uniform(0.34, 0.6)


def frame_of_trees(canvas: Canvas, scene: Scene, foot: float) -> None:
    """Large trees at both edges, so that the middle is a clearing."""
    random, side = canvas.random, canvas.side
    colours = (lit("#2b7a43", scene), lit("#5f4230", scene))
    for edge in (0.0, 1.0):
        for number in range(2):
            inward = (0.02 + 0.1 * number) * (1 if edge == 0 else -1)
            x = canvas.width * (edge + inward) + random.uniform(-0.02, 0.02) * side
            h = side * random.uniform(0.5, 0.66) * (1 - 0.22 * number)
            y = foot - side * (0.1 * number) + side * 0.03
            if scene.snowy or number == 0:
                conifer(canvas, x, y, h, colours, scene.snowy)
            else:
                broadleaf(canvas, x, y, h, (shaded(colours[0], 0.05), colours[1]))


def cactus(canvas: Canvas, scene: Scene, x: float, y: float, h: float) -> None:
    """A saguaro far off."""
    colour = hazy("#3f9150", scene, 0.15)
    w = h * 0.2
    parts = (
        (0, 0, w, h),
        (-w * 1.5, h * 0.35, w * 0.7, h * 0.32),
        (w * 1.8, h * 0.45, w * 0.7, h * 0.3),
    )
    for left, up, width, height in parts:
        canvas.rect(x + left, y - up - height, width, height, colour, f'rx="{num(width / 2)}"')
    canvas.rect(x - w * 1.5, y - h * 0.46, w * 2, w * 0.62, colour, f'rx="{num(w * 0.3)}"')
    canvas.rect(x + w * 0.4, y - h * 0.56, w * 2.1, w * 0.62, colour, f'rx="{num(w * 0.3)}"')


def palm(canvas: Canvas, scene: Scene, x: float, y: float, h: float) -> None:
    """A palm that leans to the middle of the picture."""
    lean = h * 0.16 * (1 if x < canvas.width / 2 else -1)
    width = h * 0.05
    bark = lit("#9a6b43", scene)
    canvas.add(
        f'<path d="M{num(x)} {num(y)}q{num(lean * 0.1)} {num(-h * 0.55)} {num(lean)} {num(-h * 0.82)}" '
        f'stroke="{bark}" stroke-width="{num(width)}" stroke-linecap="round" fill="none"/>'
    )
    top_x, top_y = x + lean, y - h * 0.82
    for number, (out, down) in enumerate(
        ((-0.4, 0.05), (-0.34, -0.14), (-0.12, -0.22), (0.16, -0.21), (0.36, -0.11), (0.4, 0.07))
    ):
        tip_x, tip_y = top_x + out * h, top_y + (down + 0.08) * h
        arch = top_y + (down - 0.12) * h
        leaf = lit("#2f9a55" if number % 2 else "#3db063", scene)
        upper = f"Q{num(top_x + out * h * 0.5)} {num(arch)} {num(tip_x)} {num(tip_y)}"
        lower = f"Q{num(top_x + out * h * 0.45)} {num(arch + h * 0.11)} "
        lower += f"{num(top_x)} {num(top_y + h * 0.03)}Z"
        canvas.path(f"M{num(top_x)} {num(top_y)}{upper}{lower}", leaf)
    for side in (-0.5, 0.6):
        canvas.circle(top_x + side * width, top_y + width * 0.7, width * 0.6, lit("#7a4f2e", scene))
