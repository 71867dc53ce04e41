"""Re-verifies a server's log up to an anchored checkpoint, and the calls that the validator made itself.

The log is computed anew from its entries: what was dropped, changed or reordered gives another root. The
server can't tell the validator's calls from a customer's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from base.errors import ServiceUnavailable
from server.validator.memory import Memory
from settlement.agent.seat import FILE_PATH
from settlement.chain.keccak import keccak256
from settlement.evidence.checkpoint import BadCheckpoint, Note, log_key_from
from settlement.evidence.frontier import Frontier
from settlement.evidence.merkle import consistent
from settlement.evidence.salting import salt_from
from settlement.evidence.spelling import hash_from
from settlement.evidence.trust import Trust, trust_from_document
from settlement.evidence.verdict import Findings, Result, Verdict
from settlement.evidence.verify import Bodies, verify_bundle

_PAGE: Final = 1000
_UNKNOWN: Final = 404
_ATTEST: Final = "/v1/vaas"
_FATAL: Final = ("anchor.", "log.")


class ServerUnreadable(ServiceUnavailable):
    """The server that is audited does not answer, or with what nobody can read: nothing can be said of
    it now."""

    def __init__(self, message: str) -> None:
        super().__init__(message, resolution="The validator tries again in its next round.")


@contextmanager
def reading() -> Iterator[None]:
    """Whatever a server answers, it does not end its validator. Raises ServerUnreadable."""
    try:
        yield
    except httpx2.HTTPError as error:
        raise ServerUnreadable(
            f"The server does not answer: {str(error) or type(error).__name__}"
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ServerUnreadable(f"The server's answer can't be read: {error!r}"[:300]) from error


@dataclass(frozen=True, slots=True)
class Auditor:
    """``http`` reads the server; ``memory`` is what was seen of it before."""

    http: httpx2.AsyncClient
    memory: Memory

    async def agents(self, network: str) -> frozenset[int]:
        """Under which ids the server says that it is registered on a chain. Raises ServerUnreadable."""
        with reading():
            document = (await self.http.get(FILE_PATH)).raise_for_status().json()
            named = [(str(one["agentRegistry"]), one["agentId"]) for one in document["registrations"]]
            return frozenset(int(number) for name, number in named if name.startswith(f"{network}:"))

    async def probe(self, path: str, request: dict[str, Any], api_key: str) -> None:
        """Make one call twice, as a customer, and remember it until an anchor holds its record. Raises
        ServerUnreadable."""
        with reading():
            self.memory.probes += await self._called(path, request, api_key)

    async def _called(self, path: str, request: dict[str, Any], api_key: str) -> list[dict[str, Any]]:
        made = []
        for _ in range(2):
            headers = {"authorization": f"Bearer {api_key}"}
            answer = await self.http.post(path, json=request, headers=headers)
            answer.raise_for_status()
            body = answer.json()
            response = {**request, **body} if path == _ATTEST else body
            record_id = answer.headers["x-vaas-record-id"]
            salt = answer.headers.get("x-vaas-salt", "")
            made.append({"record_id": record_id, "request": request, "response": response, "salt": salt})
        made[1]["repeats"] = made[0]["record_id"]
        return made

    async def audit(self, digest: str) -> Verdict:
        """Everything that can be said of an anchored checkpoint. Raises ServerUnreadable."""
        with reading():
            return await self._audited(digest)

    async def _audited(self, digest: str) -> Verdict:
        findings = Findings()
        answer = await self.http.get(f"/v1/audit/anchors/{digest}")
        if answer.status_code == _UNKNOWN:
            findings.add("anchor.served", "The server has no such checkpoint.")
            return findings.verdict(digest)
        text = str(answer.raise_for_status().json()["checkpoint"])
        findings.add("anchor.served")
        hashed = "0x" + keccak256(text.encode()).hex()
        findings.equal("anchor.digest", hashed, digest, "The checkpoint has another hash.")
        document = (await self.http.get("/v1/vaas/pubkey/current")).raise_for_status().json()
        size = await self._log(findings, text, document)
        await self._probes(findings, size, trust_from_document(document))
        return findings.verdict(digest)

    async def _log(self, findings: Findings, text: str, document: Any) -> int:
        """How many records the checkpoint holds; 0 where it is none."""
        told = self.memory.log_key or str(document["log"]["verifier_key"])  # trust at first use
        key = log_key_from(told)
        try:
            note = Note.parse(text)
        except BadCheckpoint as error:
            findings.add("log.checkpoint", str(error))
            return 0
        held = key is not None and note.checkpoint.origin == key.name and note.signed_by(key)
        problem = "The key of the log, as it was pinned or seen first, did not sign the checkpoint."
        if findings.add("log.checkpoint_signature", "" if held else problem):
            self.memory.log_key = told
        size, root, frontier = note.checkpoint.size, note.checkpoint.root, self.memory.frontier
        if size < frontier.size:
            proof = await self._consistency(size, frontier.size)
            whole = consistent(size, frontier.size, root, frontier.root(), proof)
            findings.add("log.consistency", "" if whole else "The log that was read does not hold it.")
            return size
        grown = await self._grown(size)
        problem = "The entries do not give the root of the checkpoint: the log was changed."
        whole = (grown.size, grown.root()) == (size, root)
        if findings.add("log.root", "" if whole else problem) and held:
            self.memory.frontier = grown  # what proves nothing is not kept: it would spoil what comes
        return size

    async def _grown(self, size: int) -> Frontier:
        """What is known, with the entries up to a size."""
        frontier = Frontier(self.memory.frontier.size, self.memory.frontier.roots)
        while frontier.size < size:
            asked = {"start": frontier.size, "limit": min(_PAGE, size - frontier.size)}
            answer = await self.http.get("/v1/audit/log/entries", params=asked)
            entries = answer.raise_for_status().json()["entries"]
            for entry in entries:
                frontier.add(hash_from(entry["payload_hash"]) or b"")
            if not entries:
                break
        return frontier

    async def _consistency(self, first: int, second: int) -> list[bytes]:
        asked = {"first": first, "second": second}
        answer = await self.http.get("/v1/audit/log/consistency", params=asked)
        return [bytes.fromhex(item) for item in answer.raise_for_status().json()["proof"]]

    async def _probes(self, findings: Findings, size: int, trust: Trust) -> None:
        """Judge the calls that the checkpoint holds; the others wait for the next one."""
        outputs: dict[str, str] = {}
        waiting = []
        for probe in self.memory.probes:
            answer = await self.http.get(f"/v1/audit/{probe['record_id']}/bundle")
            bundle = answer.json() if answer.status_code == 200 else {}
            place = _inside(bundle, "inclusion", "leaf_index")
            if answer.status_code == 200 and not (isinstance(place, int) and place < size):
                waiting.append(probe)
                continue
            self._judge(findings, probe, bundle, trust)
            outputs[probe["record_id"]] = str(
                _inside(bundle, "evidence", "payload", "output_hash") or ""
            )
            if first := outputs.get(probe.get("repeats", "")):
                problem = "The same request was answered otherwise the second time."
                same = first == outputs[probe["record_id"]]
                findings.add(f"rerun.{probe['record_id']}", "" if same else problem)
        self.memory.probes = waiting

    def _judge(self, findings: Findings, probe: dict[str, Any], bundle: Any, trust: Trust) -> None:
        salt = salt_from(probe.get("salt")) or b""
        verdict = verify_bundle(bundle, trust, Bodies(probe["request"], probe["response"], salt))
        failing = [check.name for check in verdict.checks if check.result is Result.FAIL]
        problem = "" if verdict.valid else f"Failing: {', '.join(failing) or 'no trusted key'}."
        findings.add(f"record.{probe['record_id']}", problem)


def _inside(document: Any, *names: str) -> Any:
    """What stands under names in one another; None where nothing does."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def score_of(verdict: Verdict) -> int:
    """0 to 100: the part of the checks that pass; 0 where the log itself does not hold."""
    failed = [check for check in verdict.checks if check.result is Result.FAIL]
    if any(check.name.startswith(_FATAL) for check in failed):
        return 0
    return 100 * (len(verdict.checks) - len(failed)) // len(verdict.checks)
