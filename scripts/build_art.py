"""Makes runtime/local/illustrator/art/ from the npm packages that scripts/art/packages.py pins.

    .venv/bin/python -m scripts.build_art [--packages FOLDER]

Run it after a change of scripts/art/. It needs npm (or the archives in FOLDER) and the embedding model
that the server fetches at its first start. The same input gives the same bytes on one kind of CPU; on
another the last bit of a vector may differ.
"""

import argparse
import gzip
import json
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from base.settings import load_settings
from runtime.local.artifacts import (
    EMBEDDING_TOKENIZER,
    EMBEDDING_WEIGHTS,
    ArtifactCache,
    user_cache_dir,
)
from runtime.local.sentences import SentenceModel
from scripts.art.glyphs import Glyph, IconSet, glyphs
from scripts.art.measure import measured
from scripts.art.packages import EMOJIBASE, FLUENT, NOTO, PACKAGES, fetched
from scripts.art.phrases import embedded, phrases, quantized

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "runtime/local/illustrator/art"
CURATION = ROOT / "scripts/art/curation.toml"
_HEIGHT = 0.45  # of a thing whose size nothing says, where a grown person is 1


def build(packages: Path, target: Path) -> None:
    """Write the data set. Raises ValueError where the curation names what is not there."""
    curation = tomllib.loads(CURATION.read_text())
    fluent, noto = IconSet(fetched(FLUENT, packages), "fluent"), IconSet(fetched(NOTO, packages), "noto")
    chosen = list(glyphs(fetched(EMOJIBASE, packages), fluent, noto, curation))
    _check_names(chosen, curation)
    model = _model()
    names = embedded(model, [glyph.name for glyph in chosen])
    data = {
        "sources": [asdict(package) for package in PACKAGES],
        "concepts": [_concept(glyph, curation) for glyph in chosen],
        "phrases": phrases(chosen, names, model, curation),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    target.mkdir(parents=True, exist_ok=True)
    (target / "art.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    (target / "vectors.i8").write_bytes(quantized(names))
    print(f"{len(chosen)} concepts, {len(data['phrases'])} phrases, {len(text)} bytes of JSON")


def _concept(glyph: Glyph, curation: Mapping[str, Any]) -> dict[str, Any]:
    """A concept as runtime/local/illustrator/art.py reads it; what is usual is left out."""
    measures = measured(glyph.svg)
    concept: dict[str, Any] = {
        "hex": glyph.hex,
        "name": glyph.name,
        "kind": glyph.subgroup,
        "svg": glyph.svg,
        "box": measures.box,
        "top": measures.top,
        "paint": measures.paint,
        "size": _size(glyph, curation["size"]),
    }
    if glyph.source != "fluent":
        concept["source"] = glyph.source
    for key, groups in (("place", curation["place"]), ("wear", curation["wear"])):
        for group, members in groups.items():
            if glyph.name in members:
                concept[key] = group
    if glyph.name in curation["holds"]["into"]:
        concept["into"] = True
    if glyph.name in curation["fixed"]["labels"]:
        concept["fixed"] = True
    if glyph.name in curation["body"]:
        concept["body"] = curation["body"][glyph.name]
    return concept


def _size(glyph: Glyph, sizes: Mapping[str, Mapping[str, float]]) -> float:
    return sizes["label"].get(glyph.name, sizes["subgroup"].get(glyph.subgroup, _HEIGHT))


def _check_names(chosen: Sequence[Glyph], curation: Mapping[str, Any]) -> None:
    """A name that the curation spells wrongly would be without effect."""
    names = {glyph.name for glyph in chosen}
    if len(names) != len(chosen):
        raise ValueError("two concepts have one name")
    used = [
        *curation["size"]["label"],
        *(name for members in curation["place"].values() for name in members),
        *(name for members in curation["wear"].values() for name in members),
        *curation["holds"]["into"],
        *curation["fixed"]["labels"],
        *curation["body"],
        *(new for new in curation["rename"].values()),
    ]
    unknown = sorted(set(used) - names)
    if unknown:
        raise ValueError(f"curation.toml names what is not in the set: {', '.join(unknown)}")


def _model() -> SentenceModel:
    cache = ArtifactCache(load_settings().cache_dir or user_cache_dir())
    return SentenceModel(cache.path(EMBEDDING_WEIGHTS), cache.path(EMBEDDING_TOKENIZER))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="folder with the .tgz archives")
    given = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as folder:
        build(given or Path(folder), TARGET)


if __name__ == "__main__":
    main()
