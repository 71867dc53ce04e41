"""From a plan to a PNG: scene, things, shadows, in the asked size."""

import re
import struct
import zlib
from collections.abc import Mapping
from random import Random
from typing import Final

from runtime.local.illustrator.arranging import Placed, arranged
from runtime.local.illustrator.bodies import animal_body, person_body
from runtime.local.illustrator.canvas import Canvas, num
from runtime.local.illustrator.colours import is_already, recoloured
from runtime.local.illustrator.composing import composed
from runtime.local.illustrator.scenes.sky import glow
from runtime.local.illustrator.stage import Stage, backdrop, is_floating, staged
from runtime.local.illustrator.values import Ground, Plan, Thing

_CREDIT: Final = (
    ("Software", "batchin embedded-illustrator"),
    ("Copyright", "Fluent Emoji: Microsoft Corporation, MIT; Noto Emoji: Google LLC, Apache-2.0"),
)
_LIGHTS: Final = frozenset({"sun", "sun with face", "full moon", "crescent moon"})


def drawn(plan: Plan, width: int, height: int, seed: int) -> bytes:
    """The picture as PNG. Blocking, 30 to 100 ms; the same arguments give the same bytes."""
    import resvg_py

    svg = svg_of(plan, width, height, seed)
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    return _credited(png)


def svg_of(plan: Plan, width: int, height: int, seed: int) -> str:
    """The picture as SVG."""
    canvas = Canvas(width, height, Random(f"{seed} scene"))
    stage = staged(canvas, plan)
    random = Random(f"{seed} things")
    placed = arranged(composed(plan, random, is_floating(plan.scene)), stage, random)
    if plan.scene.ground is Ground.STUDIO:
        backdrop(canvas, plan, [piece.y for piece in placed if piece.shadow])
    looks = {index: _Look(canvas, index, thing) for index, thing in enumerate(plan.things)}
    for piece in placed:
        if piece.shadow and stage.shadow and not stage.middle:
            _shadow(canvas, piece, stage)
    over = False
    for piece in sorted(placed, key=lambda piece: not piece.afloat) if stage.middle else placed:
        if stage.middle and not over and not piece.afloat:
            canvas.add(stage.middle)
            over = True
        if stage.sky and piece.sprite.concept.name in _LIGHTS:
            glow(canvas, piece.x, piece.y - piece.height / 2, piece.height * 1.5, "#fff2c4", 0.6)
        looks[piece.sprite.thing].draw(canvas, piece)
    canvas.add(stage.front if over else stage.middle + stage.front)
    return canvas.svg()


class _Look:
    """How one thing looks: its art, in its colour, defined once and used for every piece."""

    def __init__(self, canvas: Canvas, index: int, thing: Thing) -> None:
        self._concept = thing.concept
        self._id = f"t{index}"
        self._changed = self._colours(thing)
        svg = _prefixed(thing.concept.svg, f"t{index}-")
        if self._changed:
            svg = re.sub(r"#[0-9a-f]{6}", lambda m: self._changed.get(m[0], m[0]), svg)
        canvas.define(f'<g id="{self._id}">{svg}</g>')
        self._tint = thing.phrase.colour.value if self._changed and thing.phrase.colour else None

    def draw(self, canvas: Canvas, piece: Placed) -> None:
        left, top, width, height = self._concept.box
        sprite = piece.sprite
        share = sprite.face_height / sprite.height
        face = piece.height * share
        scale = face / height
        foot = piece.y - (piece.height - face) if sprite.body else piece.y
        if sprite.body:
            canvas.add(
                f'<g transform="translate({num(piece.x)} {num(piece.y)})">{self._body(piece, face)}</g>'
            )
        turned = f" rotate({num(sprite.turn)})" if sprite.turn else ""
        mirror = -scale if sprite.flip else scale
        centred = f"translate({-(left + width / 2):.2f} {-(top + height):.2f})"
        canvas.add(
            f'<use xlink:href="#{self._id}" transform="translate({num(piece.x)} {num(foot)}){turned} '
            f'scale({mirror:.4f} {scale:.4f}) {centred}"/>'
        )

    def _body(self, piece: Placed, face: float) -> str:
        colours = self._concept.body or ("#999999", "#cccccc")
        width = piece.sprite.width / piece.sprite.height * piece.height
        if self._concept.kind.startswith("person"):
            return person_body(face, width, colours)
        if self._tint is not None:
            colours = (self._tint, colours[1])
        return animal_body(face, width, colours)

    @staticmethod
    def _colours(thing: Thing) -> Mapping[str, str]:
        colour = thing.phrase.colour
        if colour is None or is_already(thing.concept, colour.value):
            return {}
        return recoloured(thing.concept, colour.value)


def _prefixed(svg: str, prefix: str) -> str:
    """The art's own ids, so that two things can't mean each other's."""
    if ' id="' not in svg:
        return svg
    svg = svg.replace(' id="', f' id="{prefix}').replace("url(#", f"url(#{prefix}")
    return svg.replace('href="#', f'href="#{prefix}')


def _shadow(canvas: Canvas, piece: Placed, stage: Stage) -> None:
    width = piece.sprite.width / piece.sprite.height * piece.height
    if piece.sprite.body:
        width *= 0.7
    flat = min(width * 0.13, stage.side * 0.035)
    reach = (width * 0.54, flat)
    canvas.halo(piece.x, piece.y - flat * 0.15, reach, "#101020", stage.shadow * 1.6)


def _credited(png: bytes) -> bytes:
    """With the credits of the art as text chunks behind the header (PNG, section 11.3.4)."""
    head = png[:33]
    texts = b""
    for key, value in _CREDIT:
        body = b"tEXt" + key.encode("latin-1") + b"\0" + value.encode("latin-1")
        texts += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return head + texts + png[33:]
