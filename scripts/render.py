"""Writes what is rendered: llms.txt, agents.md, examples/ and the reference pages of docs/.

Run it after a change to settings, errors, tools, operations or manifests/; a test fails until it is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from base.clock import SystemClock
from base.outbound.client import Outbound
from base.settings import Settings
from manifests.examples import PROGRAMS, shown
from manifests.facts import Facts, PaymentFact
from manifests.operation import Operation
from manifests.operations import operations
from manifests.reference import http_page, tools_page
from manifests.render import render
from runtime.build import build_runtime
from scripts.cli_page import cli_page
from scripts.errors_page import errors_page
from scripts.settings_page import settings_page
from server.facts import model_facts
from server.mcp.hosts import Misdirected
from server.tools import registry_of, responses_of
from server.version import version
from settlement.chain import devnet
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.salting import Salts
from settlement.ledger.ledger import Ledger
from settlement.promises import Promises
from settlement.x402.errors import PaymentInvalid, PaymentRequired, PaymentReused
from tools.core import Registry
from tools.jobs.batches import Batches
from tools.jobs.parts import JobParts
from tools.jobs.submit import BatchTools
from tools.look import Looker
from tools.records.book import SpanBook
from tools.responses.background import Respond
from tools.responses.background_book import BackgroundBook
from tools.responses.shelf import ResponseShelf
from tools.videos.shelf import VideoShelf
from tools.videos.tool import VideoTools

ROOT = Path(__file__).resolve().parent.parent
BASE_URL = "https://api.batchin.tech"
LOCAL_URL = "http://127.0.0.1:8402"
_NO_PROOFS = cast("EvidenceReader", None)  # only calls need them
_NO_LEDGER = cast("Ledger", None)
_NO_SHELF = cast("ResponseShelf", None)
_NO_BOOK = cast("BackgroundBook", None)
_NO_PROMISES = cast("Promises", None)
_NO_SALTS = cast("Salts", None)
_NO_SPANS = cast("SpanBook", None)
_NO_OUTBOUND = cast("Outbound", None)
_NO_VIDEOS = cast("VideoShelf", None)
_NO_JOBS = BatchTools(cast("JobParts", None), cast("Batches", None))


@dataclass(frozen=True, slots=True)
class Standard:
    """What the pages are rendered from: the default settings, without a server."""

    registry: Registry
    facts: Facts
    settings: Settings
    operations: Sequence[Operation]


def standard() -> Standard:
    """The default server: embedded models, development chain. Neither variables nor files are read."""
    settings = Settings.model_construct()
    clock = SystemClock()
    runtime = asyncio.run(build_runtime(settings, clock, lambda *_: None))
    registry = registry_of(
        runtime,
        settings,
        clock,
        _NO_PROOFS,
        _NO_LEDGER,
        lambda _: {},
        _unlinked,
        Respond(responses_of(runtime, settings, clock, _NO_SHELF, _NO_OUTBOUND), _NO_BOOK, 0),
        _NO_OUTBOUND,
        _NO_JOBS,
        VideoTools(
            runtime.catalog, runtime.engines, _NO_VIDEOS, Looker(_NO_OUTBOUND), settings.video_window_s
        ),
        _NO_PROMISES,
        _NO_SALTS,
        _NO_SPANS,
    )
    payment = PaymentFact(
        network=devnet.NETWORK,
        asset=devnet.USDC,
        asset_name=devnet.USDC_NAME,
        asset_version=devnet.USDC_VERSION,
        pay_to=None,
        min_charge_atomic=settings.min_charge_atomic,
        schemes=("exact", "upto"),
    )
    facts = Facts(version(), BASE_URL, tuple(model_facts(runtime.catalog)), payment)
    paying = (PaymentRequired, PaymentInvalid, PaymentReused)
    return Standard(registry, facts, settings, operations(paying, (Misdirected,)))


async def _unlinked(_: bytes) -> str:
    raise NotImplementedError("pages are rendered without any call")


def pages(of: Standard) -> dict[str, str]:
    """Every rendered file by its path below the root."""
    documents = render(of.registry, of.facts, of.settings, of.operations)
    local = replace(of.facts, base_url=LOCAL_URL)
    return {
        "llms.txt": documents["/llms.txt"].text,
        "agents.md": documents["/agents.md"].text,
        "docs/cli.md": cli_page(),
        "docs/configuration.md": settings_page(),
        "docs/errors.md": errors_page(of.operations),
        "docs/http.md": http_page(of.operations),
        "docs/tools.md": tools_page(of.registry),
        **{f"examples/{name}": shown(program, local) for name, program in PROGRAMS.items()},
    }


def main() -> None:
    for path, text in pages(standard()).items():
        file = ROOT / path
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
