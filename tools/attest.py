"""The attest tool: evidence about texts that were made elsewhere, with a risk score and a decision."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from base.errors import NotFound
from base.ids import audit_id_of, record_id_of
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence.attested import ATTEST, Attested, attested_shown, decimal_text, masked
from settlement.evidence.hashes import text_hash
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.salting import PLAIN, SALTED, Part, Salts, salted
from settlement.rail import Served
from tools.core import Annotations, Call, Result, Tool
from tools.immediate import NOWHERE
from tools.risk import METHOD, risk_of

_MOST: Final = 500_000
Decision = Literal["allow", "review", "block"]
Checkpoint = Literal["input", "output", "human_review"]


class Policy(BaseModel):
    """From which risk score on a text is reviewed, and from which it is blocked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    review_at: float | None = Field(None, ge=0, le=1, description="Score from which it is reviewed.")
    block_at: float | None = Field(None, ge=0, le=1, description="Score from which it is blocked.")

    @model_validator(mode="after")
    def _in_order(self) -> "Policy":
        if self.review_at is None and self.block_at is None:
            raise ValueError("needs review_at or block_at")
        if self.review_at is not None and self.block_at is not None and self.review_at > self.block_at:
            raise ValueError("needs review_at <= block_at")
        return self

    def decision(self, score: float) -> Decision:
        if self.block_at is not None and score >= self.block_at:
            return "block"
        if self.review_at is not None and score >= self.review_at:
            return "review"
        return "allow"


class AttestInput(BaseModel):
    """Texts of a model that ran elsewhere, and what was decided about them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    input_text: str = Field(max_length=_MOST, description="What the model was given. Never stored.")
    output_text: str = Field(max_length=_MOST, description="What it answered. Never stored.")
    model_id: str = Field(min_length=1, max_length=256, description="The model, by its public name.")
    gpu_id: str | None = Field(
        None, min_length=1, max_length=256, description="Where it ran; only its end is kept."
    )
    checkpoint: Checkpoint = Field(
        "output", description="Before the model, after it, or a person's look at an earlier record."
    )
    parent_record_id: str | None = Field(
        None, min_length=1, max_length=128, description="The record that this one goes on from."
    )
    policy: Policy | None = Field(None, description="Thresholds of the risk score: makes the decision.")
    decision: Decision | None = Field(
        None, description="What was decided elsewhere; it goes before the policy's."
    )
    reviewer: str | None = Field(
        None, min_length=1, max_length=128, description="Who reviewed it. Public: use a pseudonym."
    )

    @model_validator(mode="after")
    def _reviewed(self) -> "AttestInput":
        if self.checkpoint == "human_review" and None in (
            self.parent_record_id,
            self.decision,
            self.reviewer,
        ):
            raise ValueError("human_review needs parent_record_id, decision and reviewer")
        if self.checkpoint != "human_review" and self.reviewer is not None:
            raise ValueError("reviewer goes with the checkpoint human_review")
        return self


class AttestOutput(BaseModel):
    """The public record: hashes of the texts, never the texts. Energy and carbon are null: nothing of
    ours ran. ``risk_score`` is 0 where the detectors found nothing, which does not mean safe."""

    audit_id: str
    record_id: str
    run_id: str
    model_id: str
    input_hash: str = Field(description="SHA-256 of input_text in UTF-8, hex, or salted.")
    output_hash: str = Field(description="The same of output_text.")
    hashes: Literal["plain", "salted"]
    energy_wh: float | None
    energy_method: str | None
    energy_source: str | None
    carbon_grams_co2e: float | None
    carbon_offset_vs_us_cloud: float | None
    checkpoint: Checkpoint
    parent_record_id: str | None
    gpu_id: str | None
    risk_score: float = Field(ge=0, le=1)
    risk_method: str
    findings: dict[str, int] = Field(description="How often each detector matched.")
    policy: dict[str, float] | None
    decision: Decision | None
    decided_by: Literal["caller", "policy", "reviewer"] | None
    reviewer: str | None


@dataclass(frozen=True, slots=True)
class Attest:
    """Builds the attest tool. ``proofs`` finds the records that others go on from; ``salts`` makes the
    salts of callers who ask for salted hashes."""

    proofs: EvidenceReader
    card: PriceCard
    salts: Salts

    def tool(self) -> Tool[AttestInput]:
        return Tool(
            name=ATTEST,
            title="Attest",
            description=(
                "Sign evidence about texts that another model made: their hashes, a risk score from "
                "detectors of secrets, personal data and injected orders, and a decision by your policy "
                "or a reviewer. In the log like every call; texts are never stored. Paid per character."
            ),
            Input=AttestInput,
            Output=AttestOutput,
            run=self._run,
            quote=self._quote,
            prepare=self._prepare,
            modality="proof",
            card=self.card,
            version=2,
            annotations=Annotations(read_only=False, idempotent=False),
            examples=(
                {
                    "input_text": "What is the capital of France?",
                    "output_text": "Paris.",
                    "model_id": "qwen3-32b",
                    "policy": {"review_at": 0.3, "block_at": 0.8},
                },
            ),
        )

    def _run(self, args: AttestInput, call: Call) -> "AttestExecution":
        salt = self.salts.of(call.run_id) if call.caller.salts_hashes else b""
        return AttestExecution(args, call.run_id, salt)

    def _quote(self, args: AttestInput) -> Quote:
        return Quote(args.model_id, self.card, _usage(args))

    async def _prepare(self, args: AttestInput, _: Call) -> AttestInput:
        """The parent by its record id, whichever of its ids was given."""
        if args.parent_record_id is None:
            return args
        parent = await self.proofs.evidence(args.parent_record_id)
        if parent is None:
            raise NotFound("This server has no such record.", param="parent_record_id")
        return args.model_copy(update={"parent_record_id": parent["record_id"]})


class AttestExecution:
    """One attestation; the texts are looked through in a thread. The output shows the hashes as the
    record will hold them."""

    def __init__(self, args: AttestInput, run_id: str, salt: bytes) -> None:
        self._args = args
        self._run_id = run_id
        self._salt = salt
        self._output: Mapping[str, Any] = {}
        self._details: Mapping[str, Any] = {}
        self._hashes = ("", "")

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        await asyncio.to_thread(self._look)
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        asked, answered = self._hashes
        return Result(
            self._output, _usage(self._args), answered, details=self._details, request_hash=asked
        )

    async def close(self) -> None:
        """Nothing runs on."""

    def _look(self) -> None:
        args = self._args
        self._hashes = text_hash(args.input_text), text_hash(args.output_text)
        self._details = _attested(args).details()
        asked, answered = self._hashes
        if self._salt:
            asked = salted(Part.INPUT, asked, self._salt)
            answered = salted(Part.OUTPUT, answered, self._salt)
        self._output = {
            "audit_id": audit_id_of(self._run_id),
            "record_id": record_id_of(self._run_id),
            "run_id": self._run_id,
            "model_id": args.model_id,
            "input_hash": asked.removeprefix("sha256:"),
            "output_hash": answered.removeprefix("sha256:"),
            "hashes": SALTED if self._salt else PLAIN,
            "energy_wh": None,
            "energy_method": None,
            "energy_source": None,
            "carbon_grams_co2e": None,
            "carbon_offset_vs_us_cloud": None,
            **attested_shown(self._details),
        }


def _usage(args: AttestInput) -> Usage:
    return Usage(characters=len(args.input_text) + len(args.output_text))


def _attested(args: AttestInput) -> Attested:
    risk = risk_of((args.input_text, args.output_text))
    decision, decided_by = _decided(args, float(risk.score))
    policy = args.policy or Policy.model_construct()
    return Attested(
        checkpoint=args.checkpoint,
        risk_score=risk.score,
        risk_method=METHOD,
        findings=risk.findings,
        parent_record_id=args.parent_record_id or "",
        gpu_id="" if args.gpu_id is None else masked(args.gpu_id),
        review_at="" if policy.review_at is None else decimal_text(policy.review_at),
        block_at="" if policy.block_at is None else decimal_text(policy.block_at),
        decision=decision,
        decided_by=decided_by,
        reviewer=args.reviewer or "",
    )


def _decided(args: AttestInput, score: float) -> tuple[str, str]:
    """The decision and whose it is, "" and "" where there is none."""
    if args.decision is not None:
        return args.decision, "reviewer" if args.checkpoint == "human_review" else "caller"
    if args.policy is not None:
        return args.policy.decision(score), "policy"
    return "", ""
