"""Answers the requests that name this validator in a Validation Registry, each once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from server.validator.audit import Auditor, score_of
from server.validator.memory import write_whole
from settlement.agent.steps import Steps
from settlement.chain.abi import UnexpectedAnswer
from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import validation
from settlement.chain.keccak import keccak256

TAG: Final = "batchin/log"
_LOOKED_BACK: Final = 100
"""Requests that are asked for again each round though they were answered: a chain may lose an answer."""
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
        """Answer what is open. Raises ServerUnreadable and what the chain and the registry raise."""
        asked = await self._asked()
        answered = [await self._answer(digest) for digest in await self._open(asked)]
        self.auditor.memory.looked = len(asked)
        return answered

    async def _asked(self) -> Sequence[bytes]:
        """Every request that names this validator, oldest first."""
        call = validation.GET_VALIDATOR_REQUESTS.call(self.steps.manager.address)
        try:
            (hashes,) = validation.GET_VALIDATOR_REQUESTS.result(
                await self.client.call(self.registry, call)
            )
        except UnexpectedAnswer as error:
            raise UnexpectedAnswer(f"{self.registry} is no Validation Registry: {error}") from None
        return tuple(dict.fromkeys(hashes))

    async def _open(self, asked: Sequence[bytes]) -> list[str]:
        """Those of the server's own agent that nobody answered. Anybody may name us in a request:
        another's agent would spend our gas, and take this server's score for its own."""
        looked = self.auditor.memory.looked
        first = max(0, looked - _LOOKED_BACK) if looked <= len(asked) else 0
        ours = await self.auditor.agents(f"eip155:{await self.client.chain_id()}")
        found = []
        for digest in asked[first:]:
            status = validation.GET_VALIDATION_STATUS.call(digest)
            _, agent_id, _, report_hash, *_ = validation.GET_VALIDATION_STATUS.result(
                await self.client.call(self.registry, status)
            )
            if not any(report_hash) and agent_id in ours:
                found.append("0x" + digest.hex())
        return found

    async def _answer(self, digest: str) -> Answered:
        """What was sent before a restart goes on with the report whose hash it holds."""
        path, name = self.folder / f"{digest}.json", f"validation/{digest}"
        under_way = await self.steps.manager.find(f"{name}/0") is not None
        if not (under_way and path.exists()):
            write_whole(path, await self._report(digest))
        report = path.read_bytes()
        score = int(orjson.loads(report)["score"])
        uri = f"{self.report_url}/{digest}.json" if self.report_url else ""
        data = validation.VALIDATION_RESPONSE_CALL.call(
            bytes.fromhex(digest[2:]), score, uri, keccak256(report), TAG
        )
        receipt = await self.steps.carry_out(name, self.registry, data)
        self.auditor.memory.save()
        _log.info("answered %s with %d", digest, score)
        return Answered(digest, score, receipt.transaction, receipt.gas_used, path)

    async def _report(self, digest: str) -> bytes:
        verdict = await self.auditor.audit(digest)
        shown: dict[str, Any] = verdict.document()
        told = {"outcome": shown["outcome"], "checks": shown["checks"]}
        return orjson.dumps({"digest": digest, "score": score_of(verdict), **told})
