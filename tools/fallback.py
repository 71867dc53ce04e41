"""The fallback tool: which model to call when another can't be. Free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.money import usd_text
from runtime.catalog import DOCUMENTED_IDS, Catalog, Model
from runtime.engine import Modality
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class FallbackInput(BaseModel):
    """The model that failed, or that you would rather not use."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Model id.")


class Candidate(BaseModel):
    """A model of the same modality that another engine model answers. Prices are USD per million
    tokens."""

    model: str
    available: bool
    context_length: int
    input_usd_per_mtok: str
    output_usd_per_mtok: str


class FallbackOutput(BaseModel):
    """``use`` is the model to call now: the one asked for while it is available, else the first
    candidate that is, else null."""

    object: Literal["fallback"]
    model: str
    available: bool
    use: str | None
    candidates: list[Candidate]


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Builds the fallback tool: it reads the catalog and asks whether an engine that is up serves an
    engine model; it calls nothing."""

    catalog: Catalog
    answers: Callable[[Modality, str], bool]

    def tool(self) -> Tool[FallbackInput]:
        return Tool(
            name="fallback",
            title="Fallback",
            description=(
                "Find out whether a model can be called now and, if it can't, which model of the same "
                "kind to call instead; candidates come with prices, the nearest price first. Free."
            ),
            Input=FallbackInput,
            Output=FallbackOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"model": "qwen3-32b"},),
            aliases=("batchin_model_fallback",),
        )

    def _run(self, args: FallbackInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args.model))

    async def _answer(self, asked: str) -> Mapping[str, Any]:
        """Raises ModelNotFound for an id that is neither in the catalog nor documented, and
        EngineNotConfigured for a documented one of a modality that nothing here serves."""
        named = next((model for model in self.catalog if asked in (model.id, *model.aliases)), None)
        modality = named.modality if named else DOCUMENTED_IDS.get(asked)
        others = [model for model in self.catalog if model.modality == modality and model is not named]
        if named is None and not others:
            self.catalog.find(asked)
        ready = {model.id for model in self.catalog if self._answers(model)}
        available = named is not None and named.id in ready
        near = sorted(others, key=_distance_from(named))
        candidates = [_candidate(model, model.id in ready) for model in near]
        found = [candidate["model"] for candidate in candidates if candidate["available"]]
        return {
            "object": "fallback",
            "model": asked,
            "available": available,
            "use": asked if available else next(iter(found), None),
            "candidates": candidates,
        }

    def _answers(self, model: Model) -> bool:
        """Whether a call would be taken now."""
        return model.status != "unavailable" and self.answers(model.modality, model.engine_model)


def _candidate(model: Model, available: bool) -> dict[str, Any]:
    return {
        "model": model.id,
        "available": available,
        "context_length": model.context_length,
        "input_usd_per_mtok": usd_text(model.card.input_nano_per_mtok),
        "output_usd_per_mtok": usd_text(model.card.output_nano_per_mtok),
    }


def _distance_from(named: Model | None) -> Callable[[Model], tuple[int, str]]:
    """Orders by how far a price is from that of the model asked for, then by name."""

    def price(model: Model) -> int:
        return model.card.input_nano_per_mtok + model.card.output_nano_per_mtok

    base = price(named) if named else 0
    return lambda model: (abs(price(model) - base), model.id)
