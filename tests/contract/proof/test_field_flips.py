"""Each field of a saved bundle counts: whatever is done to it, a named check rejects it.

The bundles are real ones of every kind (tests/contract/proof/bundles.py). The suite tampers with a part
of the fields of one or two of each; ``make test-flips`` with all fields of a hundred.
"""

import base64
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import pytest

from base.signing import signature_holds
from server.verdicts import meaning_of
from settlement.agent.online import OnlineVerifier
from settlement.chain.client import ChainClient
from settlement.evidence.bundle import parse_bundle
from settlement.evidence.spelling import public_key_from
from settlement.evidence.trust import Trust, trust_from_document
from settlement.evidence.verdict import Findings, Outcome, Result, Verdict
from settlement.evidence.verify import NO_BODIES, Bodies, verify_bundle
from tests.contract.pages.test_checks import in_node, in_python
from tests.contract.proof.bundles import Saved, gathered, kinds
from tests.contract.proof.flips import Flip, flips
from tests.live import LiveServer, running

BUNDLES = int(os.environ.get("BATCHIN_FLIPPED_BUNDLES", "0"))
FEW, PART, IN_PAGE = 9, 23, 500
# a server of its own, and calls of every kind, before the first test; all fields take as long as they do
pytestmark = pytest.mark.timeout(0 if BUNDLES else 600)
TOLD_BY = {
    "evidence": ("evidence.",),
    "receipt": ("receipt.", "linkage."),
    "inclusion": ("log.",),
    "anchor": ("anchor.",),
}
ON_CHAIN = {"kind", "network", "registry", "agent_id", "transaction", "block"}
"""What an anchor says of its chain: as far as the record does not name it, the chain alone can tell."""


@dataclass
class Shelf:
    server: LiveServer
    saved: list[Saved]
    keys: Any

    @property
    def trust(self) -> Trust:
        return trust_from_document(self.keys)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with running(tmp_path_factory.mktemp("proof") / "data") as server:
        yield Shelf(server, *gathered(server, BUNDLES or FEW))


def judged(bundle: Any, trust: Trust, bodies: Bodies = NO_BODIES) -> Verdict:
    return verify_bundle(parse_bundle(orjson.dumps(bundle)), trust, bodies)


def failing(verdict: Verdict) -> set[str]:
    failed = [check for check in verdict.checks if check.result is Result.FAIL]
    assert all(check.detail and meaning_of(check.name) != check.name for check in failed)
    return {check.name for check in failed}


def left_out(flip: Flip, name: str) -> bool:
    return flip.path == (name,) and flip.document.get(name) is None


def is_rejected(flip: Flip, trust: Trust) -> bool:
    """Whether a check that speaks of the field fails. What is left out as a whole is told as such."""
    verdict = judged(flip.document, trust)
    if left_out(flip, "receipt") or left_out(flip, "inclusion"):
        skipped = {check.name for check in verdict.checks if check.needed and not check.valid}
        return verdict.outcome is Outcome.INCOMPLETE and skipped == {
            *(("receipt",) if left_out(flip, "receipt") else LOG),
        }
    if left_out(flip, "anchor"):
        return not [check for check in verdict.checks if check.name.startswith("anchor.")]
    told_by = TOLD_BY[str(flip.path[0])]
    names = failing(verdict)
    return verdict.exit_code == 1 and any(name == "schema" or name.startswith(told_by) for name in names)


LOG = ("log.inclusion", "log.checkpoint", "log.checkpoint_signature")


def is_on_chain(flip: Flip) -> bool:
    return flip.path[0] == "anchor" and len(flip.path) == 2 and flip.path[1] in ON_CHAIN


def test_whole_bundles_of_every_kind_pass(shelf: Shelf) -> None:
    for each in shelf.saved:
        verdict = judged(each.bundle, shelf.trust, each.bodies)
        assert (verdict.exit_code, verdict.valid) == (0, True), (each.kind, verdict.document())
    found = Counter(each.kind for each in shelf.saved)
    plain = {"plain", "salted", "streamed", "partial", "batch", "attested", "paid", "paid stream"}
    assert set(found) == plain | {f"{kind}, anchored" for kind in plain}
    records = [each.bundle["evidence"]["payload"] for each in shelf.saved]
    assert {record["status"] for record in records} == {"completed", "partial"}
    assert {record["rail"] for record in records} == {"balance", "x402"}
    assert {record["agent_registry"] == "" for record in records} == {True, False}
    assert len({each.bundle["evidence"]["key_id"] for each in shelf.saved}) == 2
    print(f"{len(shelf.saved)} bundles: {dict(found)}")


def test_each_field_that_is_tampered_with_is_rejected_by_a_named_check(shelf: Shelf) -> None:
    ways: Counter[str] = Counter()
    for number, each in enumerate(shelf.saved):
        every = enumerate(flips(each.bundle, seed=number))
        for _, flip in every if BUNDLES else ((at, f) for at, f in every if at % PART == number % PART):
            ways[flip.way.partition(" ")[0]] += 1
            rejected = is_rejected(flip, shelf.trust)
            assert rejected or is_on_chain(flip), (each.kind, str(flip))
    assert set(ways) == {"changed", "made", "removed", "retyped", "emptied", "swapped"}
    assert sum(ways.values()) > 40 * len(shelf.saved)
    print(f"{sum(ways.values())} tampered fields of {len(shelf.saved)} bundles rejected: {dict(ways)}")


async def test_what_an_anchor_says_of_its_chain_is_rejected_by_the_chain(shelf: Shelf) -> None:
    anchored = [each for each in shelf.saved if "anchor" in each.bundle]
    named = next(e for e in anchored if e.bundle["evidence"]["payload"]["agent_id"])
    unnamed = next(e for e in anchored if not e.bundle["evidence"]["payload"]["agent_id"])
    asked = 0
    async with (
        ChainClient(lambda: shelf.server.rpc_url) as client,
        httpx2.AsyncClient(trust_env=False) as http,
    ):

        async def fetch(url: str) -> Any:
            return (await http.get(url)).json()

        async def rejected_online(bundle: Any) -> set[str]:
            findings = Findings()
            await OnlineVerifier(client, fetch, 1).check(findings, bundle)
            return failing(findings.verdict(""))

        for each in (named, unnamed):
            assert await rejected_online(each.bundle) == set()
            for flip in flips(each.bundle):
                if is_on_chain(flip) and not is_rejected(flip, shelf.trust):
                    asked += 1
                    assert await rejected_online(flip.document), str(flip)
    assert asked > 6
    print(f"{asked} lies about the chain of an anchor are rejected by the chain")


def test_each_field_of_a_request_that_is_shown_counts(shelf: Shelf) -> None:
    for each in kinds(shelf.saved):
        asked, kept = each.bodies.request, each.bodies.salt
        for flip in flips(asked) if asked else ():
            transport = flip.path == ("stream",)
            attested = each.bundle["evidence"]["payload"]["tool"] == "attest"
            if (
                transport
                or (attested and flip.path != ("input_text",))
                or flip.way == "retyped to float"
            ):
                continue  # not of the hash; and 3.0 is written as 3 is
            verdict = judged(each.bundle, shelf.trust, Bodies(flip.document, None, kept))
            assert failing(verdict) == {"request_hash"}, (each.kind, str(flip))


def test_each_field_and_each_byte_of_an_x402_receipt_counts(shelf: Shelf) -> None:
    paid = [each for each in shelf.saved if each.statement]
    keys = {key["key_id"]: key for key in shelf.keys["keys"]}
    for number, each in enumerate(paid):
        jws, evidence = each.statement, each.bundle["evidence"]
        parts = jws.split(".")
        payload = orjson.loads(opened(parts[1]))
        assert holds(jws, keys)
        assert payload["evidence"]["hash"] == evidence["payload_hash"]
        assert payload["transaction"] == each.bundle["receipt"]["receipt_payload"]["transaction"]
        for at, part in ((0, orjson.loads(opened(parts[0]))), (1, payload)):
            for flip in flips(part, seed=number):
                forged = [*parts]
                forged[at] = base64.urlsafe_b64encode(orjson.dumps(flip.document)).decode().rstrip("=")
                assert not holds(".".join(forged), keys), str(flip)
        for at in range(number % 7, len(jws), 1 if BUNDLES else 7):
            assert not holds(jws[:at] + ("A" if jws[at] != "A" else "B") + jws[at + 1 :], keys), at
    assert len(paid) >= 2


def holds(jws: str, keys: Any) -> bool:
    """RFC 7515 with EdDSA, the key by its id; what is written otherwise than its bytes is refused."""
    try:
        header, payload, signature = jws.split(".")
        told = orjson.loads(opened(header))
        key = public_key_from(keys[told["kid"].rpartition("#")[2]]["public_key"])
        if told["alg"] != "EdDSA" or key is None:
            return False
        return signature_holds(key, f"{header}.{payload}".encode(), opened(signature))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def opened(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError(text)
    return data


@pytest.mark.peers
async def test_the_page_rejects_the_same_by_the_same_checks(shelf: Shelf, tmp_path: Any) -> None:
    chance = random.Random(2026)
    every = [(each, flip) for each in shelf.saved for flip in flips(each.bundle)]
    chosen = [*((each, each.bundle) for each in shelf.saved)]
    chosen += [(each, flip.document) for each, flip in chance.sample(every, IN_PAGE)]
    cases: list[dict[str, str | None]] = [
        {
            "bundle": orjson.dumps(document).decode(),
            "keys": orjson.dumps(shelf.keys).decode(),
            "request": orjson.dumps(each.bodies.request).decode() if each.bodies.request else None,
            "salt": each.bodies.salt.hex() or None,
        }
        for each, document in chosen
    ]
    seen = await in_node(cases, tmp_path)
    for (each, document), found in zip(chosen, seen, strict=True):
        text = orjson.dumps(document).decode()
        assert found == in_python(text, shelf.trust, each.bodies.request, each.bodies.salt), text
    print(f"{len(seen)} bundles have the same verdict, check by check, in the page")
