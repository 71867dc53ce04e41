"""Reads evidence back: the documents about one call, by its run, record or audit id."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select

from base.ids import run_id_from
from base.signing import key_id_of
from settlement.evidence.anchors import AnchorBook
from settlement.evidence.attested import attested_shown
from settlement.evidence.keyring import KeyRing
from settlement.evidence.log import Log
from settlement.evidence.receipt import receipt_wire
from settlement.evidence.record import evidence_wire
from settlement.evidence.salting import MEMBER, PLAIN
from settlement.evidence.signed import Signed
from settlement.evidence.tables import EVIDENCE
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import Verdict
from settlement.evidence.verify import NO_BODIES, Bodies, verify_bundle
from storage.op import Row, Store

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvidenceReader:
    """Everything here is public: hashes, counts and signatures, never texts. An unknown id is None."""

    store: Store
    keys: KeyRing
    log: Log

    async def record(self, any_id: str) -> Document | None:
        """The audit record: hashes and signature in bare hex. Energy and carbon are null where the
        record does not tell them."""
        evidence = await self.evidence(any_id)
        if evidence is None:
            return None
        payload = evidence["payload"]
        return {
            "audit_id": payload["audit_id"],
            "record_id": payload["record_id"],
            "run_id": payload["run_id"],
            "model_id": payload["model"],
            "input_hash": payload["input_hash"].removeprefix("sha256:"),
            "output_hash": payload["output_hash"].removeprefix("sha256:"),
            "hashes": payload.get(MEMBER, PLAIN),
            **_footprint(payload.get("energy")),
            **attested_shown(payload.get("details")),
            "signature": evidence["signature"].removeprefix("ed25519:"),
        }

    async def verify(self, any_id: str, bodies: Bodies = NO_BODIES) -> Document | None:
        """``{audit_id, record_id, valid, outcome, checks}``, by the server's own keys."""
        bundle = await self.bundle(any_id)
        if bundle is None:
            return None
        verdict = self.judge(bundle, bodies)
        return {"audit_id": bundle["evidence"]["audit_id"], **verdict.document()}

    def judge(self, bundle: Any, bodies: Bodies = NO_BODIES) -> Verdict:
        """Check any bundle against the keys of this server."""
        return verify_bundle(bundle, self.trust(), bodies)

    async def evidence(self, any_id: str) -> Document | None:
        """The evidence pack."""
        row = await self._row(any_id)
        return None if row is None else dict(_evidence(row).wire)

    async def receipt(self, any_id: str) -> Document | None:
        """The receipt; None too while the call is not settled."""
        row = await self._row(any_id)
        return None if row is None else _receipt(row)

    async def bundle(self, any_id: str) -> Document | None:
        """``{receipt, evidence, inclusion}``: the receipt is null while the call is not settled, the
        inclusion while the record waits for its place in the log, about a second. ``anchor``
        stands there once a checkpoint that holds the record is final on a chain."""
        row = await self._row(any_id)
        if row is None:
            return None
        evidence, inclusion = _evidence(row).wire, await self.log.inclusion(row["run_id"])
        bundle = {"receipt": _receipt(row), "evidence": dict(evidence), "inclusion": inclusion}
        if inclusion is None:
            return bundle
        record, book = evidence["payload"], AnchorBook(self.store, self.log)
        named = record["agent_registry"], record["agent_id"]
        anchor = await book.over(inclusion["leaf_index"], *named)
        return bundle if anchor is None else {**bundle, "anchor": anchor}

    async def inclusion(self, any_id: str) -> Document | None:
        """The place of a record in the log; None while it has none."""
        run_id = run_id_from(any_id)
        return None if run_id is None else await self.log.inclusion(run_id)

    async def signed(self, any_id: str) -> Signed | None:
        """The record as it was signed, to make its receipt after a restart."""
        row = await self._row(any_id)
        return None if row is None else _evidence(row)

    async def payloads(self, run_ids: Sequence[str]) -> Mapping[str, Document]:
        """What was signed about each of these runs, by run id; runs without a record are left out."""
        query = select(EVIDENCE.c.run_id, EVIDENCE.c.payload).where(EVIDENCE.c.run_id.in_(run_ids))
        return {row["run_id"]: orjson.loads(row["payload"]) for row in await self.store.read(query)}

    def trust(self) -> Trust:
        """The server's own keys, past and present."""
        return Trust(tuple(self.keys.history), (self.log.key,))

    def keys_document(self) -> Document:
        """The current key, the history and the log's key: ``GET /v1/vaas/pubkey/current``."""
        return {**self.keys.document(), "log": self.log.document()}

    async def _row(self, any_id: str) -> Row | None:
        run_id = run_id_from(any_id)
        if run_id is None:
            return None
        rows = await self.store.read(select(EVIDENCE).where(EVIDENCE.c.run_id == run_id))
        return rows[0] if rows else None


def _footprint(energy: Mapping[str, Any] | None) -> Document:
    """What the record tells of its energy, as figures to show; the signed ones are integers."""
    told = energy or {}
    used = int(told["microwatt_hours"]) if energy else None
    grid = told.get("grid_gco2e_per_kwh")
    return {
        "energy_wh": None if used is None else used / 1e6,
        "energy_method": told.get("method"),
        "energy_source": told.get("grid_source"),
        "carbon_grams_co2e": None if used is None or grid is None else used * grid / 1e9,
        "carbon_offset_vs_us_cloud": None,
    }


def _evidence(row: Mapping[str, Any]) -> Signed:
    signed, signature, key_id = row["payload"], row["signature"], row["key_id"]
    digest, public_key = hashlib.sha256(signed).digest(), row["public_key"]
    wire = evidence_wire(orjson.loads(signed), digest, public_key, key_id, signature)
    return Signed(row["run_id"], signed, digest, signature, key_id, public_key, wire)


def _receipt(row: Mapping[str, Any]) -> Document | None:
    signed = row["receipt_payload"]
    if signed is None:
        return None
    public_key = row["receipt_public_key"]
    return receipt_wire(
        orjson.loads(signed),
        hashlib.sha256(signed).digest(),
        public_key,
        key_id_of(public_key),
        row["receipt_signature"],
        row["signature"],
    )
