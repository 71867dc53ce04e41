"""The models that callers may ask for: ids, prices, limits, and which engine model answers."""

import difflib
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from base.errors import EngineNotConfigured, InvalidRequest, ModelNotFound, ServiceUnavailable
from base.money import usd_to_nano
from base.pricing import PriceCard
from base.settings import ModelSettings, ModelStatus, SettingsError
from base.upload import Upload
from runtime.engine import Modality

DOCUMENTED_IDS: Final = {
    "qwen3.5-27b": "chat",
    "qwen3-32b": "chat",
    "glm-5.1": "chat",
    "bge-m3": "embedding",
    "cosyvoice": "speech",
    "whisper-large-v3-turbo": "transcription",
    "flux-schnell": "image",
    "wan-2.2": "video",
}
"""Ids of the public documentation and their modalities: known even where no engine serves them."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model. ``engine_model`` is its id on the engine; ``dimensions`` is None unless it embeds.

    ``voices`` maps the voices that callers may name to the engine's own, ``languages`` are ISO 639-1
    codes; of neither is anything checked where it is empty. ``measure`` tells the length of a sound in
    milliseconds before its transcription is priced (raises InvalidRequest for what is no sound);
    ``check`` looks at the prompt of a picture before it is priced (raises InvalidRequest for what the
    engine can't draw). ``description`` is for people. ``infill``: its engine fills the text before a
    completion's ``suffix`` in by itself. ``sees`` tells whether a chat model takes pictures, ``refuses``
    names the fields of a call that its engine can't honour. ``status`` is what its operator says, or how
    its engine works; whether that one is up is another question.
    """

    id: str
    modality: Modality
    engine_model: str
    card: PriceCard
    context_length: int
    license: str
    aliases: tuple[str, ...] = ()
    dimensions: int | None = None
    owned_by: str = "batchin"
    voices: Mapping[str, str] = field(default_factory=dict, compare=False)
    languages: tuple[str, ...] = ()
    sees: bool = False
    refuses: frozenset[str] = frozenset()
    measure: Callable[[Upload], Awaitable[int]] | None = field(default=None, compare=False)
    check: Callable[[str], Awaitable[object]] | None = field(default=None, compare=False)
    description: str = ""
    status: ModelStatus = "always_on"
    infill: bool = False


class Catalog:
    """The models in a fixed order; iterating yields them."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = tuple(models)
        self._by_name: dict[str, Model] = {}
        for model in models:
            for name in (model.id, *model.aliases):
                if name in self._by_name:
                    raise ValueError(f"two models answer to {name!r}")
                self._by_name[name] = model

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models)

    def find(self, asked: str) -> Model:
        """The model of an id or alias. Raises ModelNotFound, or EngineNotConfigured for a documented id
        that no engine of this server answers."""
        model = self._by_name.get(asked)
        if model is not None:
            return model
        modality = DOCUMENTED_IDS.get(asked)
        if modality is not None and not any(m.modality == modality for m in self._models):
            raise EngineNotConfigured(
                f"This server has no {modality} engine for {asked}.", param="model"
            )
        raise ModelNotFound(f"There is no model {asked!r}.{self._hint(asked)}", param="model")

    def resolve(self, asked: str, modality: Modality) -> Model:
        """The model of an id or alias, for a call of this modality. Raises as ``find`` does,
        EngineNotConfigured where no model is of that modality, InvalidRequest for a model of another
        one, and ServiceUnavailable for one that its operator took off."""
        known = self._by_name.get(asked)
        kind = known.modality if known is not None else DOCUMENTED_IDS.get(asked)
        if kind is not None and kind != modality:
            raise InvalidRequest(
                f"{asked} is a model for {kind}, not for {modality}.",
                param="model",
                resolution=self._suggestion(modality),
            )
        if known is not None and known.status == "unavailable":
            raise ServiceUnavailable(f"{asked} is not served at present.", param="model")
        if kind is None and not any(model.modality == modality for model in self._models):
            raise EngineNotConfigured(f"This server has no engine for {modality}.", param="model")
        return self.find(asked)

    def _hint(self, asked: str) -> str:
        names = {name.lower(): name for name in self._by_name}
        near = difflib.get_close_matches(asked.lower(), names, n=3, cutoff=0.5)
        return f" Did you mean {' or '.join(names[name] for name in near)}?" if near else ""

    def _suggestion(self, modality: Modality) -> str:
        ids = [model.id for model in self._models if model.modality == modality]
        if not ids:
            return "This server has no model for this capability; see GET /v1/models."
        return f"Use {' or '.join(ids)}."


def entry_card(entry: ModelSettings) -> PriceCard:
    """The price card of a ``[[models]]`` entry. Raises SettingsError."""
    try:
        return price_card(
            entry.input_usd_per_mtok,
            entry.output_usd_per_mtok,
            image_usd=entry.image_usd,
            second_usd=entry.second_usd,
            mchar_usd=entry.mchar_usd,
        )
    except ValueError as error:
        raise SettingsError(f"models: the prices of {entry.id}: {error}") from None


def price_card(
    input_usd_per_mtok: str,
    output_usd_per_mtok: str,
    *,
    image_usd: str = "0",
    second_usd: str = "0",
    mchar_usd: str = "0",
) -> PriceCard:
    """The card of prices in decimal dollars; equal prices make equal cards, versions included.

    Raises ValueError for what is not a plain decimal.
    """
    prices = [
        usd_to_nano(text)
        for text in (input_usd_per_mtok, output_usd_per_mtok, image_usd, second_usd, mchar_usd)
    ]
    digest = hashlib.sha256("|".join(map(str, prices)).encode()).hexdigest()
    return PriceCard(f"price_{digest[:16]}", *prices)
