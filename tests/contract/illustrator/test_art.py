"""The committed art: whole, of one piece with its curation, and made again from the packages."""

import gzip
import json
from pathlib import Path

import pytest

from runtime.local.illustrator.art import ART_DIR, load_art
from scripts.build_art import build


def test_every_phrase_names_a_concept_and_every_concept_has_a_vector() -> None:
    art = load_art()
    assert len(art.concepts) > 1000
    assert art.vectors.shape == (len(art.concepts), 384)
    assert {named.concept for named in art.phrases.values()} == set(range(len(art.concepts)))
    assert all(0 < named.score <= 1000 for named in art.phrases.values())


def test_the_notices_are_there() -> None:
    notice = (ART_DIR / "NOTICE.md").read_text()
    sources = json.loads(gzip.decompress((ART_DIR / "art.json.gz").read_bytes()))["sources"]
    for source in sources:
        assert f"{source['name'].removeprefix('@')} {source['version']}" in notice
    assert "Copyright (c) Microsoft Corporation" in notice
    assert "Apache License, Version 2.0" in notice


@pytest.mark.peers
def test_the_packages_give_the_same_art(tmp_path: Path) -> None:
    build(tmp_path / "packages", tmp_path / "art")
    assert (tmp_path / "art/art.json.gz").read_bytes() == (ART_DIR / "art.json.gz").read_bytes()
    made, kept = ((p / "vectors.i8").read_bytes() for p in (tmp_path / "art", ART_DIR))
    apart = [abs(a - b) % 256 for a, b in zip(made, kept, strict=True)]
    assert sum(1 for gap in apart if gap not in (0, 1, 255)) == 0
