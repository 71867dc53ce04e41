"""batchin verify --checkpoints: a log that shows two pasts is found out, without any server."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from settlement.evidence import merkle
from settlement.evidence.checkpoint import Checkpoint, signed_note
from settlement.evidence.signed import PaymentFacts, Signed
from settlement.evidence.tiles import grown, node_of
from tests.unit.server.test_cli import run
from tests.unit.settlement.evidence.case import LOG, LOG_KEY, Desk, open_desk

Entries = list[bytes]
_PAID = PaymentFacts(10_000)


@dataclass
class Log:
    """A log of these entries, as its server would show it. All logs here share one key."""

    entries: Entries

    def _node(self, size: int) -> merkle.Node:
        return node_of(grown(0, {}, [merkle.leaf_hash(entry) for entry in self.entries[:size]]))

    def inclusion(self, record: Signed, size: int) -> dict[str, Any]:
        node, at = self._node(size), self.entries.index(record.digest)
        root = merkle.root(size, node)
        return {
            "leaf_index": at,
            "tree_size": size,
            "leaf_hash": merkle.leaf_hash(record.digest).hex(),
            "proof": [item.hex() for item in merkle.inclusion(at, size, node)],
            "root": root.hex(),
            "checkpoint": signed_note(Checkpoint(LOG_KEY.name, size, root), LOG),
        }

    def consistency(self, first: int, second: int) -> dict[str, Any]:
        proof = merkle.consistency(first, second, self._node(second))
        return {"first": first, "second": second, "proof": [item.hex() for item in proof]}


@dataclass
class Verifier:
    """Who verifies bundles and keeps checkpoints in one file."""

    folder: Path
    desk: Desk
    capsys: pytest.CaptureFixture[str]

    def __call__(
        self, log: Log, record: Signed, size: int, growth: Any = None
    ) -> tuple[int, str | None]:
        """The exit status, and the result of log.consistency."""
        bundle = {
            "receipt": self.desk.receipt(record, _PAID, self.desk.clock.now_ms() + 9_000).wire,
            "evidence": record.wire,
            "inclusion": log.inclusion(record, size),
        }
        flags = ["--checkpoints", str(self.folder / "seen.json")]
        if growth is not None:
            flags += ["--consistency", self._saved("growth.json", growth)]
        file = self._saved("bundle.json", bundle)
        status, out, _ = run(self.capsys, "verify", file, *self._pins(), *flags, "--json")
        checks = {check["name"]: check["result"] for check in json.loads(out)["checks"]}
        assert {checks[name] for name in checks if name.startswith("log.")} <= {"pass"} | {
            checks.get("log.consistency", "pass")
        }
        return status, checks.get("log.consistency")

    def kept_size(self) -> int:
        kept = json.loads((self.folder / "seen.json").read_bytes())["checkpoints"]
        return int(kept[LOG_KEY.name].split("\n")[1])

    def _pins(self) -> Sequence[str]:
        key = "ed25519:pk_" + self.desk.keys.current.public_key.hex()
        return ("--key", key, "--key", LOG_KEY.verifier_key())

    def _saved(self, name: str, data: Any) -> str:
        (self.folder / name).write_text(json.dumps(data))
        return str(self.folder / name)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(tmp_path / "keys")


@pytest.fixture
def verifier(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verifier:
    return Verifier(tmp_path, desk, capsys)


@pytest.fixture
def records(desk: Desk) -> list[Signed]:
    return [desk.signed()[0] for _ in range(20)]


def entries(records: Sequence[Signed]) -> Entries:
    return [record.digest for record in records]


def test_a_log_that_grows_is_followed_by_its_proofs(verifier: Verifier, records: list[Signed]) -> None:
    log = Log(entries(records))
    assert verifier(log, records[2], 7) == (0, "pass")
    assert verifier(log, records[3], 7) == (0, "pass")
    assert verifier(log, records[9], 13) == (2, "skipped")
    assert verifier.kept_size() == 7
    assert verifier(log, records[9], 13, log.consistency(6, 13)) == (2, "skipped")
    assert verifier(log, records[9], 13, log.consistency(7, 13)) == (0, "pass")
    assert verifier.kept_size() == 13
    assert verifier(log, records[1], 5, log.consistency(5, 13)) == (0, "pass")  # an older bundle
    assert verifier.kept_size() == 13


def _forked(log: Entries) -> Entries:
    return [*log[:4], b"f" * 32, *log[5:]]


def _reordered(log: Entries) -> Entries:
    return [log[1], log[0], *log[2:]]


def _truncated(log: Entries) -> Entries:
    return [*log[:3], *log[5:], b"n" * 32, b"m" * 32]


@pytest.mark.parametrize("lie", [_forked, _reordered, _truncated])
@pytest.mark.parametrize("size", [7, 9, 13, 16])
def test_a_log_that_was_forked_reordered_or_cut_fails(
    verifier: Verifier, records: list[Signed], lie: Callable[[Entries], Entries], size: int
) -> None:
    log = Log(entries(records))
    other = Log(lie(log.entries))
    assert verifier(log, records[6], 9) == (0, "pass")
    growths: list[Any] = [None] if size == 9 else [other.consistency(*sorted((size, 9)))]
    growths += [] if size == 9 else [log.consistency(*sorted((size, 9)))]
    for growth in growths:
        assert verifier(other, records[6], size, growth) == (1, "fail")
        assert verifier.kept_size() == 9


def test_a_log_that_was_rolled_back_and_went_on_otherwise_fails(
    verifier: Verifier, records: list[Signed]
) -> None:
    """Rolled back to 5 records, and shown again at 7 and at 12."""
    log = Log(entries(records))
    other = Log([*log.entries[:5], *reversed(log.entries[5:])])
    assert verifier(log, records[2], 9) == (0, "pass")
    assert verifier(other, records[2], 5, other.consistency(5, 9)) == (1, "fail")
    assert verifier(other, records[2], 7, other.consistency(7, 9)) == (1, "fail")
    assert verifier(other, records[2], 12, other.consistency(9, 12)) == (1, "fail")
    assert verifier(log, records[2], 5, log.consistency(5, 9)) == (0, "pass")  # which both hold


def test_what_no_trusted_key_signed_is_not_kept(verifier: Verifier, records: list[Signed]) -> None:
    log = Log(entries(records))
    place = log.inclusion(records[0], 3)
    place["checkpoint"] = place["checkpoint"].replace("\n3\n", "\n4\n")
    bundle = {"receipt": None, "evidence": records[0].wire, "inclusion": place}
    file = verifier._saved("bundle.json", bundle)
    seen = verifier.folder / "seen.json"
    run(verifier.capsys, "verify", file, *verifier._pins(), "--checkpoints", str(seen))
    assert json.loads(seen.read_bytes()) == {"checkpoints": {}}


@pytest.mark.parametrize("text", ["7", "[]", '{"checkpoints": []}', '{"checkpoints": {"a": "b"}}', "{"])
def test_a_file_that_is_none_of_ours_is_left_alone(
    verifier: Verifier, records: list[Signed], text: str
) -> None:
    file = verifier._saved("bundle.json", {"evidence": records[0].wire})
    seen = verifier.folder / "seen.json"
    seen.write_text(text)
    status, _, err = run(verifier.capsys, "verify", file, "--checkpoints", str(seen))
    assert (status, seen.read_text()) == (1, text)
    assert str(seen) in err


@pytest.mark.parametrize(
    "growth",
    [7, {}, {"first": 1}, {"first": 1, "second": 2, "proof": ["zz"]}, {"first": 1, "second": 2}],
)
def test_what_is_no_proof_is_told(verifier: Verifier, records: list[Signed], growth: Any) -> None:
    file = verifier._saved("bundle.json", {"evidence": records[0].wire})
    flags = ("--checkpoints", str(verifier.folder / "seen.json"), "--consistency")
    saved = verifier._saved("growth.json", growth)
    status, _, err = run(verifier.capsys, "verify", file, *flags, saved)
    assert (status, "no consistency proof" in err) == (1, True)


@pytest.mark.parametrize(("seen", "status", "result"), [(False, 2, "skipped"), (True, 1, "fail")])
def test_an_empty_log_is_new_or_was_rolled_back(
    verifier: Verifier,
    records: list[Signed],
    monkeypatch: pytest.MonkeyPatch,
    seen: bool,
    status: int,
    result: str,
) -> None:
    log = Log(entries(records))
    if seen:
        verifier(log, records[2], 7)
    head = {"size": 0, "checkpoint": None, "origin": LOG_KEY.name}

    async def answer(_: str, path: str) -> Any:
        assert path == "/v1/audit/log/head"
        return head

    monkeypatch.setattr("server.commands.kept.get_json", answer)
    bundle = verifier._saved("bundle.json", {"evidence": records[2].wire})
    kept = ("--checkpoints", str(verifier.folder / "seen.json"), "--url", "http://s.example", "--json")
    found, out, _ = run(verifier.capsys, "verify", bundle, *verifier._pins(), *kept)
    checks = {check["name"]: check["result"] for check in json.loads(out)["checks"]}
    assert (found, checks["log.head"]) == (status, result)
