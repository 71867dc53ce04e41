"""Re-verifies a server's log up to an anchored checkpoint, and the calls that the validator made itself.

The log is computed anew from its entries: what was dropped, changed or reordered gives another root. The
server can't tell the validator's calls from a customer's.
"""

from dataclasses import dataclass
from typing import Any, Final

import httpx2

from server.validator.memory import Memory
from settlement.chain.keccak import keccak256
from settlement.evidence.checkpoint import BadCheckpoint, LogKey, Note, log_key_from
from settlement.evidence.merkle import consistent
from settlement.evidence.spelling import hash_from
from settlement.evidence.trust import Trust, trust_from_document
from settlement.evidence.verdict import Findings, Result, Verdict
from settlement.evidence.verify import Bodies, verify_bundle

_PAGE: Final = 1000
_ATTEST: Final = "/v1/vaas"
_FATAL: Final = ("anchor.", "log.")


@dataclass(frozen=True, slots=True)
class Auditor:
    """``http`` reads the server; ``memory`` is what was seen of it before."""

    http: httpx2.AsyncClient
    memory: Memory

    async def probe(self, path: str, request: dict[str, Any], api_key: str) -> None:
        """Make one call twice, as a customer, and remember it until an anchor holds its record."""
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
        self.memory.probes += made

    async def audit(self, digest: str) -> Verdict:
        """Everything that can be said of an anchored checkpoint. Raises httpx2.HTTPError."""
        findings = Findings()
        answer = await self.http.get(f"/v1/audit/anchors/{digest}")
        if not findings.add(
            "anchor.served", "" if answer.status_code == 200 else "The server has no such checkpoint."
        ):
            return findings.verdict(digest)
        text = str(answer.json()["checkpoint"])
        hashed = "0x" + keccak256(text.encode()).hex()
        findings.equal("anchor.digest", hashed, digest, "The checkpoint has another hash.")
        document = (await self.http.get("/v1/vaas/pubkey/current")).raise_for_status().json()
        await self._log(findings, text, document)
        await self._probes(findings, text, trust_from_document(document))
        return findings.verdict(digest)

    async def _log(self, findings: Findings, text: str, document: Any) -> None:
        key = self._key(document)
        try:
            note = Note.parse(text)
        except BadCheckpoint as error:
            findings.add("log.checkpoint", str(error))
            return
        held = key is not None and note.checkpoint.origin == key.name and note.signed_by(key)
        problem = "The key of the log, as it was pinned or seen first, did not sign the checkpoint."
        findings.add("log.checkpoint_signature", "" if held else problem)
        size, root, frontier = note.checkpoint.size, note.checkpoint.root, self.memory.frontier
        if size < frontier.size:
            proof = await self._consistency(size, frontier.size)
            whole = consistent(size, frontier.size, root, frontier.root(), proof)
            findings.add("log.consistency", "" if whole else "The log that was read does not hold it.")
            return
        await self._read(size)
        problem = "The entries do not give the root of the checkpoint: the log was changed."
        findings.add("log.root", "" if frontier.size == size and frontier.root() == root else problem)

    def _key(self, document: Any) -> LogKey | None:
        """Trust at first use, where none was pinned."""
        if not self.memory.log_key:
            self.memory.log_key = str(document["log"]["verifier_key"])
        return log_key_from(self.memory.log_key)

    async def _read(self, size: int) -> None:
        """Add the entries up to a size to what is known."""
        frontier = self.memory.frontier
        while frontier.size < size:
            asked = {"start": frontier.size, "limit": min(_PAGE, size - frontier.size)}
            answer = await self.http.get("/v1/audit/log/entries", params=asked)
            entries = answer.raise_for_status().json()["entries"]
            for entry in entries:
                frontier.add(hash_from(entry["payload_hash"]) or b"")
            if not entries:
                return

    async def _consistency(self, first: int, second: int) -> list[bytes]:
        asked = {"first": first, "second": second}
        answer = await self.http.get("/v1/audit/log/consistency", params=asked)
        return [bytes.fromhex(item) for item in answer.raise_for_status().json()["proof"]]

    async def _probes(self, findings: Findings, text: str, trust: Trust) -> None:
        """Judge the calls that the checkpoint holds; the others wait for the next one."""
        size = int(text.split("\n")[1])
        outputs: dict[str, str] = {}
        waiting = []
        for probe in self.memory.probes:
            answer = await self.http.get(f"/v1/audit/{probe['record_id']}/bundle")
            bundle = answer.json() if answer.status_code == 200 else {}
            place = (bundle.get("inclusion") or {}).get("leaf_index")
            if answer.status_code == 200 and (place is None or place >= size):
                waiting.append(probe)
                continue
            self._judge(findings, probe, bundle, trust)
            outputs[probe["record_id"]] = (
                bundle.get("evidence", {}).get("payload", {}).get("output_hash", "")
            )
            if first := outputs.get(probe.get("repeats", "")):
                problem = "The same request was answered otherwise the second time."
                same = first == outputs[probe["record_id"]]
                findings.add(f"rerun.{probe['record_id']}", "" if same else problem)
        self.memory.probes = waiting

    def _judge(self, findings: Findings, probe: dict[str, Any], bundle: Any, trust: Trust) -> None:
        salt = bytes.fromhex(probe.get("salt", ""))
        verdict = verify_bundle(bundle, trust, Bodies(probe["request"], probe["response"], salt))
        failing = [check.name for check in verdict.checks if check.result is Result.FAIL]
        problem = "" if verdict.valid else f"Failing: {', '.join(failing) or 'no trusted key'}."
        findings.add(f"record.{probe['record_id']}", problem)


def score_of(verdict: Verdict) -> int:
    """0 to 100: the part of the checks that pass; 0 where the log itself does not hold."""
    failed = [check for check in verdict.checks if check.result is Result.FAIL]
    if any(check.name.startswith(_FATAL) for check in failed):
        return 0
    return 100 * (len(verdict.checks) - len(failed)) // len(verdict.checks)
