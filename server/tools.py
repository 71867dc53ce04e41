"""The tools of this server, in the order in which agents see them."""

from collections.abc import Callable, Mapping
from typing import Any

from base.clock import Clock
from base.settings import Settings
from runtime.build import Runtime
from runtime.engine import Modality
from settlement.evidence.reader import EvidenceReader
from tools.chat import Chat
from tools.core import Registry
from tools.embed import Embed
from tools.models import Models
from tools.quote import Quotes
from tools.receipt import Receipts
from tools.verify import Verifier

ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    Modality.CHAT: ("/v1/chat/completions",),
    Modality.EMBEDDING: ("/v1/embeddings",),
}

X402Price = Callable[[int], Mapping[str, Any]]


def registry_of(
    runtime: Runtime,
    settings: Settings,
    clock: Clock,
    proofs: EvidenceReader,
    x402_price: X402Price | None,
) -> Registry:
    """``x402_price`` prices a call on that rail, None where it is off."""
    catalog, engines = runtime.catalog, runtime.engines
    x402 = x402_price is not None
    return Registry(
        [
            Chat(catalog, engines, clock, settings.max_output_tokens).tool(),
            Embed(catalog, engines).tool(),
            Models(catalog, engines.serves, ENDPOINTS, x402, clock.now_ms() // 1000).tool(),
            Quotes(catalog, clock, x402_price).tool(),
            Verifier(proofs).tool(),
            Receipts(proofs).tool(),
        ]
    )
