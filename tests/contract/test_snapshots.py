"""What tools ask and answer is frozen: no program that was written against them breaks unannounced."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

import pytest
from pydantic import BaseModel, Field

from manifests.tools import MOST_LISTED, tool_entries, tool_entry
from scripts.render import standard
from scripts.snapshots import SNAPSHOTS, complaints, refresh
from tools.core import Annotations, AnyTool, Registry

OF = standard()
TOOLS = list(OF.registry)


def test_the_snapshots_are_those_of_the_tools() -> None:
    assert list(complaints(OF.registry, OF.facts, SNAPSHOTS)) == []


class Wider(BaseModel):
    """As an old tool, and more."""

    title: str = Field(description="A name.")
    size: int = 1


class Reworded(BaseModel):
    title: str = Field(description="What it is called.", examples=["x"])


class Narrow(BaseModel):
    title: str = Field(description="A name.")


class Answer(BaseModel):
    ok: Literal[True]


def tool(**changes: Any) -> AnyTool:
    plain = replace(TOOLS[0], name="it", aliases=(), Input=Narrow, Output=Answer, version=1)
    return replace(plain, **changes)


def told(folder: Path, now: AnyTool) -> list[str]:
    return list(complaints(Registry([now]), OF.facts, folder))


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    assert refresh(Registry([tool()]), OF.facts, tmp_path) == []
    assert told(tmp_path, tool()) == []
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        {"Input": Wider},
        {"Output": Narrow},
        {"annotations": Annotations(read_only=False)},
        {"aliases": ("its",)},
    ],
    ids=str,
)
def test_a_change_needs_a_new_version_and_then_a_new_snapshot(
    frozen: Path, change: dict[str, Any]
) -> None:
    changed = replace(tool(), **change)
    (complaint,) = told(frozen, changed)
    assert "set version=2 in its Tool, then run .venv/bin/python -m scripts.snapshots" in complaint
    assert refresh(Registry([changed]), OF.facts, frozen) == ["it: set version=2 in its Tool first."]
    (complaint,) = told(frozen, replace(changed, version=2))
    assert "stale" in complaint
    assert refresh(Registry([replace(changed, version=2)]), OF.facts, frozen) == []
    assert told(frozen, replace(changed, version=2)) == []
    assert told(frozen, changed) != [], "a version does not go back"


def test_other_words_need_a_new_snapshot_alone(frozen: Path) -> None:
    reworded = replace(tool(), Input=Reworded, description="In other words.")
    (complaint,) = told(frozen, reworded)
    assert "stale" in complaint
    assert refresh(Registry([reworded]), OF.facts, frozen) == []


def test_a_tool_that_comes_or_goes_is_told(frozen: Path) -> None:
    other = replace(tool(), name="other")
    assert [sentence.split()[2] for sentence in told(frozen, other)] == ["it", "other"]


@pytest.mark.parametrize("listed", TOOLS, ids=lambda listed: listed.name)
def test_a_tool_is_shown_whole(listed: AnyTool) -> None:
    entry = tool_entry(listed, OF.facts)
    assert entry["title"]
    assert entry["title"] != entry["name"]
    assert entry["description"].endswith(".")
    assert entry["annotations"].keys() >= {"readOnlyHint", "idempotentHint", "openWorldHint"}
    assert entry["inputSchema"]["examples"], "an agent learns from examples"
    for example in listed.examples:
        listed.Input.model_validate(example)
    (icon,) = entry["icons"]
    kind, _, picture = icon["src"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert ET.fromstring(base64.b64decode(picture)).tag.endswith("svg")
    assert len(icon["src"]) < 600, "agents carry it"


def test_agents_are_shown_few_tools() -> None:
    assert len(tool_entries(OF.registry, OF.facts)) <= MOST_LISTED
    many = [replace(tool(), name=f"tool_{number}") for number in range(MOST_LISTED + 1)]
    with pytest.raises(ValueError, match="at most 25"):
        tool_entries(Registry(many), OF.facts)
