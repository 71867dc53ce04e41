"""The receipt tool: the proof of a call, to keep and to verify anywhere. Free."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from base.errors import NotFound
from settlement.evidence.reader import EvidenceReader
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class ReceiptInput(BaseModel):
    """Which call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=128, description="Run, record or audit id.")


class ReceiptOutput(BaseModel):
    """A bundle. ``receipt`` is null while the call is not settled, ``inclusion`` while the record waits
    for its place in the log (about a second)."""

    receipt: dict[str, Any] | None
    evidence: dict[str, Any]
    inclusion: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Receipts:
    """Builds the receipt tool over the records of this server."""

    proofs: EvidenceReader

    def tool(self) -> Tool[ReceiptInput]:
        return Tool(
            name="receipt",
            title="Receipt",
            description=(
                "Get the bundle of a call by its id: receipt, evidence and inclusion proof. It holds "
                "hashes and figures, never texts. Free."
            ),
            Input=ReceiptInput,
            Output=ReceiptOutput,
            run=self._run,
            quote=None,
            modality="proof",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"id": "vaas_01a20e3921c87276bbd37dd503fe3855"},),
            aliases=("vaas_get_receipt",),
        )

    def _run(self, args: ReceiptInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args.id))

    async def _answer(self, any_id: str) -> Mapping[str, Any]:
        bundle = await self.proofs.bundle(any_id)
        if bundle is None:
            raise NotFound(f"This server has no record {any_id!r}.", param="id")
        return bundle
