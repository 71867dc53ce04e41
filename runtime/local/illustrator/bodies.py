"""Bodies for faces: many animals and people of the art set are heads only; the bodies are ours."""

from runtime.local.illustrator.canvas import num
from runtime.local.illustrator.colours import shaded

_SKIN = "#ffc83d"
_SHOE = "#4a3b46"


def animal_body(face: float, width: float, colours: tuple[str, str]) -> str:
    """A sitting animal's body, front view. The origin is the middle of its foot; ``face`` and ``width``
    are the head's, in pixels; ``colours`` of fur and belly."""
    fur, belly = colours
    dark = shaded(fur, -0.07)
    w, f = width, face
    parts = [
        _ellipse(-0.3 * w, -0.1 * f, 0.15 * w, 0.13 * f, dark),
        _ellipse(0.3 * w, -0.1 * f, 0.15 * w, 0.13 * f, dark),
        _trunk(w, f, fur),
        _ellipse(0, -0.26 * f, 0.19 * w, 0.24 * f, belly),
        _ellipse(-0.14 * w, -0.05 * f, 0.115 * w, 0.065 * f, dark),
        _ellipse(0.14 * w, -0.05 * f, 0.115 * w, 0.065 * f, dark),
        _limb(-0.255 * w, -0.47 * f, -0.15 * w, -0.24 * f, 0.13 * w, dark),
        _limb(0.255 * w, -0.47 * f, 0.15 * w, -0.24 * f, 0.13 * w, dark),
    ]
    return "".join(parts)


def person_body(face: float, width: float, colours: tuple[str, str]) -> str:
    """A standing person's body in shirt and trousers; parameters as for an animal."""
    shirt, trousers = colours
    w, f = width, face
    leg = _limb(-0.11 * w, -0.24 * f, -0.12 * w, -0.06 * f, 0.17 * w, trousers)
    leg += _limb(0.11 * w, -0.24 * f, 0.12 * w, -0.06 * f, 0.17 * w, trousers)
    shoes = _ellipse(-0.14 * w, -0.025 * f, 0.12 * w, 0.03 * f, _SHOE)
    shoes += _ellipse(0.14 * w, -0.025 * f, 0.12 * w, 0.03 * f, _SHOE)
    sleeve = shaded(shirt, -0.05)
    arms = "".join(
        _limb(side * 0.2 * w, -0.56 * f, side * 0.31 * w, -0.3 * f, 0.11 * w, sleeve)
        + _ellipse(side * 0.32 * w, -0.25 * f, 0.062 * w, 0.062 * w, _SKIN)
        for side in (-1, 1)
    )
    trunk = (
        f'<rect x="{num(-0.215 * w)}" y="{num(-0.68 * f)}" width="{num(0.43 * w)}" '
        f'height="{num(0.5 * f)}" rx="{num(0.12 * w)}" fill="{shirt}"/>'
    )
    return leg + shoes + arms + trunk


def _trunk(w: float, f: float, fill: str) -> str:
    """Narrow at the neck, broad at the seat."""
    neck, broad = num(0.2 * w), num(0.42 * w)
    top, waist = num(-0.72 * f), num(-0.42 * f)
    d = f"M-{neck} {top}C-{broad} {waist} -{broad} 0 -{neck} 0"
    d += f"H{neck}C{broad} 0 {broad} {waist} {neck} {top}Z"
    return f'<path d="{d}" fill="{fill}"/>'


def _ellipse(x: float, y: float, rx: float, ry: float, fill: str) -> str:
    return f'<ellipse cx="{num(x)}" cy="{num(y)}" rx="{num(rx)}" ry="{num(ry)}" fill="{fill}"/>'


def _limb(x0: float, y0: float, x1: float, y1: float, thick: float, fill: str) -> str:
    return (
        f'<path d="M{num(x0)} {num(y0)}L{num(x1)} {num(y1)}" stroke="{fill}" '
        f'stroke-width="{num(thick)}" stroke-linecap="round" fill="none"/>'
    )
