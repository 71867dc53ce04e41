"""A call as the rails hand it over, a key ring in a folder, and bundles made from them."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from base.ids import new_run_id
from base.pricing import PriceCard, Quote
from base.signing import SeedSigner
from base.usage import Usage
from settlement.chain.keccak import keccak256
from settlement.evidence import merkle
from settlement.evidence.checkpoint import Checkpoint, LogKey, signed_note
from settlement.evidence.hashes import chat_response_hash, request_hash
from settlement.evidence.keyring import KeyRing
from settlement.evidence.recorder import Recorder
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.evidence.spelling import hash_from
from settlement.evidence.tiles import grown, node_of
from settlement.evidence.trust import Trust
from settlement.rail import Outcome, RunStatus, Served, Terms
from tests.clocks import HandClock

T = TypeVar("T")
START_MS = HandClock().now_ms()
REQUEST = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0.5,
}
RESPONSE = {
    "id": "chatcmpl_1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Paris.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
}
BALANCE = Terms(rail="balance", payer="acct_1", max_amount="1000000")
X402 = Terms(
    rail="x402",
    payer="0x" + "aa" * 20,
    payee="0x" + "bb" * 20,
    network="eip155:31337",
    asset="0x" + "cc" * 20,
    nonce="0x" + "dd" * 32,
    max_amount="15",
)
ON_CHAIN = PaymentFacts(10_000, 15, 5_000, "0x" + "ee" * 32)
LOG = SeedSigner(b"l" * 32)
LOG_KEY = LogKey("log.example/batchin", LOG.public_key)


def outcome(run_id: str | None = None, status: RunStatus = RunStatus.COMPLETED) -> Outcome:
    """A chat of 100 + 50 tokens that costs 10,000 nano-USD."""
    return Outcome(
        run_id=run_id or new_run_id(),
        tool="chat",
        model="qwen3-32b",
        served=Served("smollm2-135m", "r1", "llama.cpp", "1.0"),
        usage=Usage(100, 50, 10),
        quote=Quote("qwen3-32b", PriceCard("card-1", 20_000_000, 160_000_000), Usage(200, 100)),
        status=status,
        request_hash=request_hash(REQUEST),
        response_hash=chat_response_hash(RESPONSE["choices"]),  # type: ignore[arg-type] # plain JSON
        trace_id="0123456789abcdef0123456789abcdef",
        prompt_version="support@v2",
        started_at_ms=START_MS + 1_000,
        ended_at_ms=START_MS + 2_000,
    )


def at_once(signing: Coroutine[Any, Any, T]) -> T:
    """What is signed with a key that is at hand: it never gives way to anybody."""
    try:
        signing.send(None)
    except StopIteration as done:
        signed: T = done.value
        return signed
    raise AssertionError("it waits for something")


@dataclass
class Desk:
    """A recorder over its own keys."""

    keys: KeyRing
    recorder: Recorder
    clock: HandClock

    @property
    def trust(self) -> Trust:
        return Trust(tuple(self.keys.history), (LOG_KEY,))

    def signed(
        self,
        terms: Terms = BALANCE,
        payment: PaymentFacts = PaymentFacts(10_000),  # noqa: B008 - frozen
        of: Outcome | None = None,
    ) -> tuple[Signed, Signed]:
        run = of or outcome()
        evidence = at_once(self.recorder.evidence(run, terms, 10_000))
        return evidence, self.receipt(evidence, payment, run.ended_at_ms + 500)

    def receipt(self, evidence: Signed, payment: PaymentFacts, at_ms: int) -> Signed:
        return at_once(self.recorder.receipt(evidence, payment, at_ms))

    def bundle(self, terms: Terms = BALANCE, payment: PaymentFacts = PaymentFacts(10_000)) -> Any:  # noqa: B008
        evidence, receipt = self.signed(terms, payment)
        return {
            "receipt": dict(receipt.wire),
            "evidence": dict(evidence.wire),
            "inclusion": inclusion_of(evidence, before=5, after=3),
        }


def open_desk(folder: Path) -> Desk:
    clock = HandClock()
    keys = KeyRing.open(folder, clock)
    return Desk(keys, Recorder(keys, "development"), clock)


def inclusion_of(evidence: Signed, before: int, after: int) -> dict[str, Any]:
    """The proof of a record in a log of others."""
    entry = hash_from(evidence.wire["payload_hash"])
    assert entry is not None
    entries = [bytes([n]) * 32 for n in range(before)] + [entry] + [b"x" * 32] * after
    leaves = [merkle.leaf_hash(item) for item in entries]
    node = node_of(grown(0, {}, leaves))
    root = merkle.root(len(leaves), node)
    return {
        "leaf_index": before,
        "tree_size": len(leaves),
        "leaf_hash": leaves[before].hex(),
        "proof": [item.hex() for item in merkle.inclusion(before, len(leaves), node)],
        "root": root.hex(),
        "checkpoint": signed_note(Checkpoint(LOG_KEY.name, len(leaves), root), LOG),
    }


def anchor_of(evidence: Signed) -> dict[str, Any]:
    """The ``anchor`` member of a record in a log of others."""
    inclusion = inclusion_of(evidence, before=5, after=1)
    return {
        "kind": "identity_metadata",
        "network": "eip155:31337",
        "registry": "0x" + "ab" * 20,
        "agent_id": "0",
        "digest": "0x" + keccak256(inclusion["checkpoint"].encode()).hex(),
        "transaction": "0x" + "12" * 32,
        "block": 7,
        "inclusion": inclusion,
    }


def with_times(run: Outcome, ended_at_ms: int) -> Outcome:
    return replace(run, started_at_ms=ended_at_ms - 1_000, ended_at_ms=ended_at_ms)


def failed(checks: Sequence[Any]) -> list[str]:
    return [check.name for check in checks if check.result == "fail"]
