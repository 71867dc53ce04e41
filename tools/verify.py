"""The verify tool: is this record what it says, check by check. Free."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from base.errors import NotFound
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.verify import Bodies
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate


class VerifyInput(BaseModel):
    """A bundle, or the id of a call of this server; and the bodies, when they should be checked too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: dict[str, Any] | None = Field(
        None, description="{receipt, evidence, inclusion} as /bundle returns it, of any server."
    )
    id: str | None = Field(
        None, min_length=1, max_length=128, description="Run, record or audit id of this server."
    )
    request: dict[str, Any] | None = Field(None, description="The request body as it was sent.")
    response: dict[str, Any] | None = Field(None, description="The response body as it was received.")
    salt: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="The salt of the record's hashes, where they are salted.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> "VerifyInput":
        if (self.bundle is None) == (self.id is None):
            raise ValueError("needs one of bundle and id, not both")
        return self


class CheckOutput(BaseModel):
    """One check. ``valid`` is null when it was not made; ``detail`` says why, or what is wrong."""

    name: str
    valid: bool | None
    result: Literal["pass", "fail", "skipped", "unbindable"]
    detail: str


class VerifyOutput(BaseModel):
    """``valid``: nothing failed, and a key of this server signed the record. ``outcome`` is incomplete
    when a check that is needed could not be made."""

    record_id: str
    valid: bool
    outcome: Literal["pass", "fail", "incomplete"]
    checks: list[CheckOutput]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Builds the verify tool over the records of this server and its keys."""

    proofs: EvidenceReader

    def tool(self) -> Tool[VerifyInput]:
        return Tool(
            name="verify",
            title="Verify",
            description=(
                "Check a receipt bundle, or a call of this server by its id: signatures, hashes, price "
                "arithmetic, linkage, inclusion in the log, and the bodies when they are given. Free."
            ),
            Input=VerifyInput,
            Output=VerifyOutput,
            run=self._run,
            quote=None,
            modality="proof",
            annotations=Annotations(read_only=True, idempotent=True),
            examples=({"id": "vaas_01a20e3921c87276bbd37dd503fe3855"},),
            aliases=("vaas_verify_receipt",),
            version=2,
        )

    def _run(self, args: VerifyInput, _: Call) -> Immediate:
        return Immediate(lambda: self._answer(args))

    async def _answer(self, args: VerifyInput) -> Mapping[str, Any]:
        bodies = Bodies(args.request, args.response, bytes.fromhex(args.salt or ""))
        bundle = args.bundle if args.id is None else await self._own(args.id)
        verdict = await asyncio.to_thread(self.proofs.judge, bundle, bodies)  # a body may be large
        return verdict.document()

    async def _own(self, any_id: str) -> Mapping[str, Any]:
        bundle = await self.proofs.bundle(any_id)
        if bundle is None:
            raise NotFound(f"This server has no record {any_id!r}.", param="id")
        return bundle
