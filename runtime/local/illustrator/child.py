"""The child process of the illustrator: the renderer holds Python's lock while it draws."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from base.errors import InvalidRequest
from base.parent import attach
from runtime.local.answering import Asker, Unusable, answer_at
from runtime.local.frames import Frame
from runtime.local.illustrator.art import Art, load_art
from runtime.local.illustrator.drawing import drawn
from runtime.local.illustrator.facts import facts, ignored, told
from runtime.local.illustrator.meaning import Meaning
from runtime.local.illustrator.planner import Planner, Undrawable
from runtime.local.sentences import SentenceModel


@dataclass(frozen=True, slots=True)
class Studio:
    """Plans and draws with one art set."""

    art: Art
    planner: Planner

    def answer(self, asked: Mapping[str, Any], _: bytes, asker: Asker) -> Iterator[Frame]:
        """To ``look`` whether a prompt can be drawn, to ``draw`` the pictures one after the other."""
        if asked["ask"] == "look":
            yield self._looked(asked["prompt"]), b""
            return
        try:
            plan = self.planner.plan(asked["prompt"])
        except InvalidRequest as error:
            raise Unusable(error.message) from None
        yield {"event": "started"}, b""
        known = {"told": told(plan), "facts": facts(plan), "ignored": ignored(plan)}
        width, height = asked["width"], asked["height"]
        for seed in asked["seeds"]:
            if asker.gone:
                return
            png = drawn(plan, width, height, seed)
            picture = {"width": width, "height": height, "seed": seed, **known}
            yield {"event": "picture", "picture": picture}, png
        yield {"event": "metered", "usage": {"images": len(asked["seeds"])}}, b""

    def _looked(self, prompt: str) -> Mapping[str, Any]:
        try:
            plan = self.planner.plan(prompt)
        except Undrawable as error:
            unknown = [{"words": one.words, "nearest": one.nearest} for one in error.unknown]
            return {"event": "unknown", "unknown": unknown}
        except InvalidRequest as error:
            return {"event": "refused", "message": error.message, "resolution": error.resolution}
        return {"event": "drawable", "told": told(plan)}


def main() -> None:
    """Load the art, answer at the socket that the parent names, and say so."""
    parent = attach()
    art = load_art()
    weights, tokenizer = (Path(parent.request[name]) for name in ("weights", "tokenizer"))
    meaning = Meaning(art, lambda: SentenceModel(weights, tokenizer))
    server = answer_at(parent.request["socket"], Studio(art, Planner(art, meaning)).answer)
    parent.ready(revision=art.revision, engine="resvg", engine_version=metadata.version("resvg_py"))
    server.serve_forever()


if __name__ == "__main__":
    main()
