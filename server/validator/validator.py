"""Answers the requests that name this validator in a Validation Registry, each once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from server.validator.audit import Auditor, score_of
from settlement.agent.steps import Steps
from settlement.chain.abi import UnexpectedAnswer
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import validation
from settlement.chain.keccak import keccak256
from settlement.chain.usdc import address_topic

TAG: Final = "batchin/log"
_log = logging.getLogger("batchin.validator")


@dataclass(frozen=True, slots=True)
class Answered:
    """What the chain was told; ``gas_used`` of it."""

    digest: str
    score: int
    transaction: str
    gas_used: int
    report: Path


@dataclass(frozen=True, slots=True)
class Validator:
    """``steps`` sends with the validator's own key; reports are kept in ``folder``, and ``report_url``
    is where others find them ("": nowhere, and the chain holds their hash alone)."""

    client: ChainClient
    registry: str
    steps: Steps
    auditor: Auditor
    folder: Path
    report_url: str = ""

    async def round(self) -> Sequence[Answered]:
        """Answer what is open. Raises what the server, the chain and the registry raise."""
        return [await self._answer(digest) for digest in await self._open()]

    async def _open(self) -> list[str]:
        me = self.steps.manager.address
        asked = validation.GET_VALIDATOR_REQUESTS.call(me)
        try:
            (hashes,) = validation.GET_VALIDATOR_REQUESTS.result(
                await self.client.call(self.registry, asked)
            )
        except UnexpectedAnswer as error:
            raise UnexpectedAnswer(f"{self.registry} is no Validation Registry: {error}") from None
        topics = (validation.VALIDATION_RESPONSE.topic, address_topic(me))
        done = {log.topics[3] for log in await self.client.logs(self.registry, topics)}
        return [name for digest in hashes if (name := "0x" + digest.hex()) not in done]

    async def _answer(self, digest: str) -> Answered:
        verdict = await self.auditor.audit(digest)
        score = score_of(verdict)
        report = orjson.dumps({"digest": digest, "score": score, **_shown(verdict.document())})
        path = self.folder / f"{digest}.json"
        path.write_bytes(report)
        uri = f"{self.report_url}/{digest}.json" if self.report_url else ""
        data = validation.VALIDATION_RESPONSE_CALL.call(
            bytes.fromhex(digest[2:]), score, uri, keccak256(report), TAG
        )
        receipt = await self.steps.carry_out(f"validation/{digest}", self.registry, data)
        self.auditor.memory.save()
        _log.info("answered %s with %d", digest, score)
        return Answered(digest, score, receipt.transaction, receipt.gas_used, path)


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return {"outcome": document["outcome"], "checks": document["checks"]}
