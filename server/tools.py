"""The tools of this server, in the order in which agents see them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from base.clock import Clock
from base.errors import InvalidRequest
from base.moderation_settings import ModerationSettings
from base.money import usd_to_nano
from base.outbound.client import Outbound
from base.pricing import PriceCard
from base.settings import Settings, SettingsError
from runtime.build import Runtime
from runtime.catalog import Catalog, Model
from runtime.engine import Modality
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.salting import Salts
from settlement.ledger.ledger import Ledger
from settlement.promises import Promises
from tools.account import AccountTool
from tools.attest import Attest
from tools.chat import Chat
from tools.classify import Classify
from tools.complete import Complete
from tools.core import Registry
from tools.credits import Credits
from tools.embed import Embed
from tools.fallback import Fallbacks
from tools.image import Images, Keep
from tools.jobs.lines import PathOfModel
from tools.jobs.submit import BatchTools
from tools.look import Looker
from tools.models import Models
from tools.moderate import Moderate
from tools.quote import Quotes
from tools.receipt import Receipts
from tools.records.book import SpanBook
from tools.rerank import Rerank
from tools.responses.background import Respond
from tools.responses.shelf import ResponseShelf
from tools.responses.tool import Responses
from tools.speech import Speech
from tools.trace import Traces
from tools.transcribe import Transcribe
from tools.usage import UsageTool
from tools.verify import Verifier
from tools.videos.tool import VideoTools

ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    Modality.CHAT: ("/v1/chat/completions", "/v1/responses", "/v1/completions"),
    Modality.EMBEDDING: ("/v1/embeddings",),
    Modality.RERANK: ("/v1/rerank",),
    Modality.CLASSIFY: ("/v1/classify",),
    Modality.SPEECH: ("/v1/audio/speech",),
    Modality.TRANSCRIPTION: ("/v1/audio/transcriptions",),
    Modality.IMAGE: ("/v1/images/generations", "/v1/images"),
    Modality.VIDEO: ("/v1/videos",),
}

EDITS: Final = "/v1/images/edits"
"""Where image models that see are served too."""

X402Price = Callable[[int], Mapping[str, Any]]


def registry_of(
    runtime: Runtime,
    settings: Settings,
    clock: Clock,
    proofs: EvidenceReader,
    ledger: Ledger,
    x402_price: X402Price | None,
    keep_picture: Keep,
    respond: Respond,
    outbound: Outbound,
    jobs: BatchTools,
    videos: VideoTools,
    promises: Promises,
    salts: Salts,
    spans: SpanBook,
) -> Registry:
    """``x402_price`` prices a call on that rail, None where it is off; ``keep_picture`` makes a link of
    a picture; ``outbound`` fetches images. Raises SettingsError as ``moderating`` does."""
    catalog, engines = runtime.catalog, runtime.engines
    x402 = x402_price is not None
    looker = Looker(outbound)
    classify = Classify(catalog, engines, clock, _first(catalog, Modality.CLASSIFY))
    return Registry(
        [
            respond.responses.chat.tool(),
            respond.tool(),
            Complete(catalog, engines, clock).tool(),
            Embed(catalog, engines).tool(),
            Rerank(catalog, engines, _first(catalog, Modality.RERANK)).tool(),
            classify.tool(),
            Moderate(classify, moderating(settings.moderation, catalog)).tool(),
            Speech(catalog, engines).tool(),
            Transcribe(catalog, engines).tool(),
            Images(catalog, engines, clock, keep_picture, looker).tool(),
            *videos.tools(),
            Models(catalog, engines.answers, endpoints_of, x402, clock.now_ms() // 1000).tool(),
            Quotes(catalog, clock, x402_price, promises).tool(),
            Verifier(proofs).tool(),
            Receipts(proofs).tool(),
            Attest(proofs, _attest_card(settings.attest_mchar_usd), salts).tool(),
            AccountTool(ledger).tool(),
            *([Credits(ledger, clock).tool()] if x402 else []),
            UsageTool(ledger).tool(),
            Traces(ledger, proofs, spans).tool(),
            Fallbacks(catalog, engines.answers).tool(),
            *jobs.tools(),
        ]
    )


def responses_of(
    runtime: Runtime, settings: Settings, clock: Clock, shelf: ResponseShelf, outbound: Outbound
) -> Responses:
    """The chat tool, and the responses that are made of it and kept by ``shelf``."""
    parts = (runtime.catalog, runtime.engines, clock, settings.max_output_tokens)
    return Responses(Chat(*parts, Looker(outbound)), shelf)


def endpoints_of(model: Model) -> tuple[str, ...]:
    """The paths that serve a model."""
    edits = (EDITS,) if model.modality is Modality.IMAGE and model.sees else ()
    return (*ENDPOINTS.get(model.modality, ()), *edits)


def _attest_card(mchar_usd: str) -> PriceCard:
    """Named by its price: another price is another card."""
    return PriceCard(f"attest-{mchar_usd}", 0, 0, nano_per_mchar=usd_to_nano(mchar_usd))


def moderating(chosen: ModerationSettings | None, catalog: Catalog) -> ModerationSettings | None:
    """What moderates here. Raises SettingsError for a model that the catalog has not by that id."""
    able = [model.id for model in catalog if model.modality == Modality.CLASSIFY]
    if chosen is not None and chosen.model not in able:
        here = ", ".join(able) or "none"
        raise SettingsError(
            f"moderation.model = {chosen.model!r}: should be the id of a model that classifies; "
            f"here are {here}"
        )
    return chosen


def _first(catalog: Catalog, modality: Modality) -> str:
    """A model for the examples; any name does where there is none."""
    return next((model.id for model in catalog if model.modality == modality), f"my-{modality}-model")


def path_of_model(catalog: Catalog) -> PathOfModel:
    """The path that calls a model of a batch's task, by the model's modality."""

    def path(model: str) -> str:
        modality = catalog.find(model).modality
        found = next((path for path in ENDPOINTS.get(modality, ()) if path in BATCHED), None)
        if found is None:
            raise InvalidRequest(f"Models for {modality} can't be called in a batch.", param="model")
        return found

    return path


BATCHED: Final[Mapping[str, str]] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "complete",
    "/v1/responses": "respond",
    "/v1/embeddings": "embed",
    "/v1/rerank": "rerank",
    "/v1/classify": "classify",
    "/v1/moderations": "moderate",
}
"""The tool behind each path that tasks of a batch may name: those whose answer is JSON."""
