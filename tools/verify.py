"""The verify tool: check the signed record and receipt of a call, one check after the other. Free."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from base.errors import NotFound
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.verify import Bodies
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate

JsonObject = dict[str, Any]


class VerifyInput(BaseModel):
    """What is to be checked: a call of this server by its id, or a bundle that the caller holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = Field(
        None, min_length=1, max_length=128, description="Run, record or audit id of a call."
    )
    bundle: JsonObject | None = Field(
        None, description="A bundle {receipt, evidence, inclusion}, or an evidence pack alone."
    )
    request: JsonObject | None = Field(
        None, description="The request as it was sent, to check that the record names it."
    )
    response: JsonObject | None = Field(
        None, description="The answer as it was received, to check that the record names it."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.bundle is None):
            raise ValueError("should hold either id or bundle")
        return self


class VerifyCheck(BaseModel):
    name: str
    valid: bool | None = Field(description="Null when the check could not be made.")
    result: Literal["pass", "fail", "skipped", "unbindable"]
    detail: str = Field(description="What is wrong, or why nothing can be said.")


class VerifyOutput(BaseModel):
    """``valid``: nothing failed and a key of this server signed the record in its time."""

    object: Literal["verification"]
    record_id: str = Field(description="Empty when none could be read.")
    valid: bool
    outcome: Literal["pass", "fail", "incomplete"]
    checks: list[VerifyCheck]


@dataclass(frozen=True, slots=True)
class Verify:
    """Builds the verify tool. Only keys of this server are believed, past and present ones."""

    proofs: EvidenceReader

    def tool(self) -> Tool[VerifyInput]:
        return Tool(
            name="verify",
            title="Verify",
            description=(
                "Check the signed evidence and receipt of a call: signatures, hashes, price arithmetic "
                "and the place in the append-only log. A receipt is the seller's signed statement, not "
                "a proof of delivery. Free."
            ),
            Input=VerifyInput,
            Output=VerifyOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"id": "vaas_0190f3b2c4d57e8f9a0b1c2d3e4f5a6b"},),
            aliases=("vaas_verify_receipt",),
        )

    def _run(self, args: VerifyInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args))

    async def _answer(self, args: VerifyInput) -> Mapping[str, Any]:
        bundle: Any = args.bundle
        if args.id is not None:
            bundle = await self.proofs.bundle(args.id)
            if bundle is None:
                raise NotFound("Audit record not found", param="id", resolution="Verify audit_id.")
        bodies = Bodies(args.request, args.response)
        verdict = await asyncio.to_thread(self.proofs.judge, bundle, bodies)  # a body may be large
        return {"object": "verification", **verdict.document()}
