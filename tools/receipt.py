"""The receipt tool: the signed record, receipt and log proof of a call, to keep and to verify. Free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import NotFound
from settlement.evidence.reader import EvidenceReader
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class ReceiptInput(BaseModel):
    """Which call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=128, description="Run, record or audit id of a call.")


class ReceiptOutput(BaseModel):
    """A bundle, in the form that offline verifiers check."""

    object: Literal["bundle"]
    receipt: dict[str, Any] | None = Field(description="Null while the payment is not settled.")
    evidence: dict[str, Any]
    inclusion: dict[str, Any] | None = Field(
        description="Null until the record has its place in the log, about a second."
    )


@dataclass(frozen=True, slots=True)
class Receipts:
    """Builds the receipt tool."""

    proofs: EvidenceReader

    def tool(self) -> Tool[ReceiptInput]:
        return Tool(
            name="receipt",
            title="Receipt",
            description=(
                "Fetch the receipt of a call with its signed evidence and its proof of inclusion in the "
                "log; pass the answer to verify. Free."
            ),
            Input=ReceiptInput,
            Output=ReceiptOutput,
            run=self._run,
            quote=None,
            modality="account",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"id": "vaas_0190f3b2c4d57e8f9a0b1c2d3e4f5a6b"},),
            aliases=("vaas_get_receipt",),
        )

    def _run(self, args: ReceiptInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args))

    async def _answer(self, args: ReceiptInput) -> Mapping[str, Any]:
        bundle = await self.proofs.bundle(args.id)
        if bundle is None:
            raise NotFound("Audit record not found", param="id", resolution="Verify audit_id.")
        return {"object": "bundle", **bundle}
