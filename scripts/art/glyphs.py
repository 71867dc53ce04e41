"""Which glyphs become concepts, under which names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scripts.art.packages import Archive

_UNITS: Final = 32
_SKIPPED_GROUPS: Final = (None, 2, 9)  # letters, skin tones, flags


@dataclass(frozen=True, slots=True)
class Glyph:
    """One concept to be: ``svg`` is in a box of 32 x 32 units, ``source`` the package it is from."""

    hex: str
    label: str
    name: str
    subgroup: str
    tags: tuple[str, ...]
    svg: str
    source: str


class IconSet:
    """An Iconify icon set, by code points."""

    def __init__(self, archive: Archive, name: str) -> None:
        self.name = name
        self._set = archive.json("icons.json")
        self._chars = archive.json("chars.json")

    def svg(self, hexcode: str) -> str | None:
        """The body of a glyph in 32 units, or None."""
        plain = "-".join(part for part in hexcode.split("-") if part != "fe0f")
        icon_name = self._chars.get(hexcode) or self._chars.get(plain)
        if icon_name is None:
            return None
        icon = self._icon(icon_name)
        height = icon.get("height", self._set.get("height", 16))
        body: str = icon["body"]
        if height in (_UNITS, _UNITS + 1):
            return body
        return f'<g transform="scale({_UNITS / height:g})">{body}</g>'

    def _icon(self, name: str) -> Mapping[str, Any]:
        found = self._set["icons"].get(name)
        return found if found is not None else self._icon(self._set["aliases"][name]["parent"])


def glyphs(
    emojibase: Archive, first: IconSet, second: IconSet, curation: Mapping[str, Any]
) -> Iterator[Glyph]:
    """The glyphs of the set in emojibase's order; ``second`` stands in where ``first`` has none."""
    subgroups = emojibase.json("meta/groups.json")["subgroups"]
    for entry in emojibase.json("en/data.json"):
        if entry.get("group") in _SKIPPED_GROUPS:
            continue
        subgroup = subgroups[str(entry["subgroup"])]
        label = entry["label"]
        if _dropped(label, subgroup, curation):
            continue
        hexcode = entry["hexcode"].lower()
        for icons in (first, second):
            svg = icons.svg(hexcode)
            if svg is not None and "<filter" not in svg:  # blurs are slow to draw
                name = curation["rename"].get(label, label)
                tags = tuple(entry.get("tags", ()))
                yield Glyph(hexcode, label, name, subgroup, tags, _tidy(svg), icons.name)
                break


def _dropped(label: str, subgroup: str, curation: Mapping[str, Any]) -> bool:
    return (
        subgroup in curation["drop_subgroups"]
        or label in curation["drop"]
        or any(part in label for part in curation["drop_containing"])
    )


def _tidy(svg: str) -> str:
    """Colours in six digits, in lower case: they are looked up when a thing is recoloured."""
    svg = re.sub(
        r'"#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])"',
        lambda m: f'"#{m[1] * 2}{m[2] * 2}{m[3] * 2}"'.lower(),
        svg,
    )
    return re.sub(r'"#[0-9a-fA-F]{6}"', lambda m: m[0].lower(), svg)
