"""One rendering to test: the real tools, and the facts of a made-up server."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from base.pricing import PriceCard
from base.settings import Settings
from manifests.document import Document
from manifests.facts import Facts, KeyFact, ModelFact, PaymentFact
from manifests.operation import Operation
from manifests.operations import operations
from manifests.render import render
from settlement.x402.errors import PaymentInvalid, PaymentRequired, PaymentReused
from tools.account import AccountTool
from tools.attest import Attest
from tools.chat import Chat
from tools.classify import Classify
from tools.complete import Complete
from tools.core import Registry
from tools.credits import Credits
from tools.embed import Embed
from tools.fallback import Fallbacks
from tools.image import Images
from tools.jobs.submit import BatchTools
from tools.models import Models
from tools.moderate import Moderate
from tools.quote import Quotes
from tools.receipt import Receipts
from tools.rerank import Rerank
from tools.responses.tool import Responses
from tools.speech import Speech
from tools.trace import Traces
from tools.transcribe import Transcribe
from tools.usage import UsageTool
from tools.verify import Verifier
from tools.videos.tool import VideoTools

BASE = "https://agents.example"
NOTHING = cast("Any", None)  # parts that only a call needs

MODELS = (
    ModelFact("talker", "chat", "0.02", "0.08", 4096, "Apache-2.0", "talker"),
    ModelFact("qwen3-32b", "chat", "0.02", "0.08", 4096, "Apache-2.0", "talker"),
    ModelFact("painter", "image", "0.00", "0.00", 4096, "MIT", "painter", {"image": "0.001"}),
    ModelFact("vectors", "embedding", "0.01", "0.00", 512, "MIT", "vectors"),
    ModelFact("ranker", "rerank", "0.01", "0.00", 512, "MIT", "ranker"),
    ModelFact("sorter", "classify", "0.01", "0.00", 512, "MIT", "sorter"),
    ModelFact("voice", "speech", "0", "0", 4096, "MIT", "voice", {"million_characters": "1.00"}),
    ModelFact("ear", "transcription", "0", "0", 448, "MIT", "ear", {"second": "0.00001"}),
)
ON_BASE = PaymentFact("eip155:8453", "0x" + "33" * 20, "USD Coin", "2", "0x" + "44" * 20, 9)
PAYMENT = PaymentFact(
    "eip155:31337", "0x" + "11" * 20, "USDC", "2", "0x" + "22" * 20, 7, others=(ON_BASE,)
)
KEY = KeyFact("k1", "ab" * 32)


def registry() -> Registry:
    return Registry(
        [
            Chat(NOTHING, NOTHING, NOTHING, 1024, NOTHING).tool(),
            Responses(Chat(NOTHING, NOTHING, NOTHING, 1024, NOTHING), NOTHING).tool(),
            Complete(NOTHING, NOTHING, NOTHING).tool(),
            Embed(NOTHING, NOTHING).tool(),
            Rerank(NOTHING, NOTHING, "ranker").tool(),
            Classify(NOTHING, NOTHING, NOTHING, "sorter").tool(),
            Moderate(Classify(NOTHING, NOTHING, NOTHING, "sorter"), None).tool(),
            Speech(NOTHING, NOTHING).tool(),
            Transcribe(NOTHING, NOTHING).tool(),
            Images(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING).tool(),
            *VideoTools(NOTHING, NOTHING, NOTHING, NOTHING, 0).tools(),
            Models(NOTHING, NOTHING, NOTHING, True, 0).tool(),
            Quotes(NOTHING, NOTHING, None, NOTHING).tool(),
            Verifier(NOTHING).tool(),
            Receipts(NOTHING).tool(),
            Attest(NOTHING, PriceCard("attest", 0, 0, nano_per_mchar=100_000_000), NOTHING).tool(),
            AccountTool(NOTHING).tool(),
            Credits(NOTHING, NOTHING).tool(),
            UsageTool(NOTHING).tool(),
            Traces(NOTHING, NOTHING, NOTHING).tool(),
            Fallbacks(NOTHING, NOTHING).tool(),
            *BatchTools(NOTHING, NOTHING).tools(),
        ]
    )


def facts(**changes: Any) -> Facts:
    given = {"payment": PAYMENT, "key": KEY, "rendered_on": date(2026, 11, 24), **changes}
    return Facts("1.2.3", BASE, MODELS, **given)


def settings(**changes: Any) -> Settings:
    return Settings.model_construct(**changes)


def listed(of: Facts | None = None) -> tuple[Operation, ...]:
    paying = (PaymentRequired, PaymentInvalid, PaymentReused)
    return operations(paying if (of or facts()).payment else ())


def rendered(
    of: Facts | None = None, by: Settings | None = None, tools: Registry | None = None
) -> Mapping[str, Document]:
    return render(tools or registry(), of or facts(), by or settings(), listed(of))
