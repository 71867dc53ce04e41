"""The models tool: the catalog, what each model costs and whether it can be called now. Free."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.money import usd_text
from runtime.catalog import Catalog, Model
from runtime.engine import Modality
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate

_MODALITIES: Final[Mapping[Modality, tuple[str, str]]] = {
    Modality.EMBEDDING: ("text", "embedding"),
    Modality.RERANK: ("text", "score"),
    Modality.CLASSIFY: ("text", "label"),
    Modality.SPEECH: ("text", "audio"),
    Modality.TRANSCRIPTION: ("audio", "text"),
    Modality.IMAGE: ("text", "image"),
    Modality.VIDEO: ("text", "video"),
}
"""What a call of a modality gives and what it is answered with; text and text where not told."""


class ModelsInput(BaseModel):
    """Which models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = Field(None, min_length=1, max_length=256, description="One model; by default all.")


class ModelPricing(BaseModel):
    """USD per million tokens, as a number and as the exact decimal it stands for; ``other_usd`` is USD
    per other unit (``image``, ``second``, ``million_characters``), where such a unit costs."""

    std_input: float
    std_output: float
    std_input_usd: str
    std_output_usd: str
    image_usd: str | None = Field(description="USD of one image, where images are priced.")
    second_usd: str | None = Field(description="USD of a second of sound, where sound is priced.")
    mchar_usd: str | None = Field(
        description="USD of a million characters, where characters are priced."
    )
    other_usd: dict[str, str]
    version: str = Field(description="Names this price card; evidence repeats it.")


class ModelEntry(BaseModel):
    """One id that calls can ask for. ``served_by`` is the model that truly answers."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    status: Literal["always_on", "on_demand", "unavailable"] = Field(
        description=(
            "always_on; on_demand: it loads when it is called, and the first answer takes longer; "
            "unavailable: a call would be refused now."
        )
    )
    available: bool = Field(description="Whether a call would be taken now.")
    served_by: str
    aliases: list[str]
    context_length: int
    pricing: ModelPricing
    license: str = Field(description="SPDX id of the weights' licence.")
    modality: str
    input_modalities: list[str] = Field(description="What a call gives: text, image, audio.")
    output_modalities: list[str] = Field(
        description="What a call is answered with: text, embedding, score, audio, image, video."
    )
    endpoints: list[str]
    dimensions: int | None = Field(description="Length of the vectors of an embedding model.")
    description: str = Field(description="What there is to know of the model; often empty.")
    x402: bool = Field(description="Whether a call can be paid by x402.")


class ModelsOutput(BaseModel):
    """The catalog."""

    object: Literal["list"]
    data: list[ModelEntry]


@dataclass(frozen=True, slots=True)
class Models:
    """Builds the models tool. ``answers`` tells whether an engine that is up serves an engine model;
    ``endpoints`` names the paths that serve a model; ``created_s`` is when this catalog was made, in
    Unix seconds."""

    catalog: Catalog
    answers: Callable[[Modality, str], bool]
    endpoints: Callable[[Model], Sequence[str]]
    x402: bool
    created_s: int

    def tool(self) -> Tool[ModelsInput]:
        return Tool(
            name="models",
            title="Models",
            description=(
                "List the models: id, price, context length, licence, and whether it can be called now. "
                "Free."
            ),
            Input=ModelsInput,
            Output=ModelsOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({}, {"id": "qwen3-32b"}),
            aliases=("batchin_query_pricing",),
            version=3,
        )

    def _run(self, args: ModelsInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args))

    async def _answer(self, args: ModelsInput) -> Mapping[str, Any]:
        if args.id is not None:
            entries = [self._entry(args.id, self.catalog.find(args.id))]
        else:
            entries = list(self._entries())
        return {"object": "list", "data": entries}

    def _entries(self) -> Iterator[dict[str, Any]]:
        for model in self.catalog:
            for name in (model.id, *model.aliases):
                yield self._entry(name, model)

    def _entry(self, name: str, model: Model) -> dict[str, Any]:
        up = self.answers(model.modality, model.engine_model)
        status = model.status if up else "unavailable"
        given, made = _MODALITIES.get(model.modality, ("text", "text"))
        prices = usd_text(model.card.input_nano_per_mtok), usd_text(model.card.output_nano_per_mtok)
        return {
            "id": name,
            "object": "model",
            "created": self.created_s,
            "owned_by": model.owned_by,
            "status": status,
            "available": status != "unavailable",
            "served_by": model.id,
            "aliases": [other for other in (model.id, *model.aliases) if other != name],
            "context_length": model.context_length,
            "pricing": {
                "std_input": float(prices[0]),
                "std_output": float(prices[1]),
                "std_input_usd": prices[0],
                "std_output_usd": prices[1],
                "other_usd": model.card.other_usd(),
                "image_usd": _usd(model.card.nano_per_image),
                "second_usd": _usd(model.card.nano_per_second),
                "mchar_usd": _usd(model.card.nano_per_mchar),
                "version": model.card.version,
            },
            "license": model.license,
            "modality": model.modality,
            "input_modalities": [given, "image"] if model.sees else [given],
            "output_modalities": [made],
            "endpoints": list(self.endpoints(model)),
            "dimensions": model.dimensions,
            "description": model.description,
            "x402": self.x402,
        }


def _usd(nano: int) -> str | None:
    return usd_text(nano) if nano else None
