"""Signed quotes: what was promised is the most that is charged, nothing else passes for it."""

import base64
from pathlib import Path

import orjson
import pytest

from base.errors import QuoteExceeded, QuoteExpired, QuoteInvalid
from base.pricing import PriceCard, Quote
from base.usage import Usage
from settlement.evidence.keyring import KeyRing
from settlement.promises import Promises
from tests.clocks import HandClock
from tests.unit.settlement.evidence.case import at_once

CARD = PriceCard("spring", 20_000_000, 80_000_000)
DEARER = PriceCard("summer", 40_000_000, 90_000_000)
QUOTED = Quote("tiny", CARD, Usage(100, 50))


def promises(folder: Path, clock: HandClock) -> Promises:
    return Promises(KeyRing.open(folder, clock), clock)


def until(clock: HandClock) -> int:
    return clock.now_ms() // 1000 + 300


def test_a_price_that_rose_meanwhile_is_not_charged(tmp_path: Path) -> None:
    clock = HandClock()
    desk = promises(tmp_path, clock)
    token = at_once(desk.signed(QUOTED, until(clock)))
    kept = desk.kept(token, Quote("tiny", DEARER, Usage(100, 50)))
    assert kept.card == CARD
    assert kept.max_nano_usd == QUOTED.max_nano_usd
    for used in (Usage(100, 50), Usage(1, 1), Usage(10**6, 10**6)):
        assert kept.charge_nano_usd(used) <= QUOTED.max_nano_usd


def test_a_call_that_may_cost_more_is_refused_with_its_size(tmp_path: Path) -> None:
    clock = HandClock()
    desk = promises(tmp_path, clock)
    token = at_once(desk.signed(QUOTED, until(clock)))
    with pytest.raises(QuoteExceeded, match="at most 100 input tokens, 51 output tokens"):
        desk.kept(token, Quote("tiny", CARD, Usage(100, 51)))


def test_it_ends_when_it_says(tmp_path: Path) -> None:
    clock = HandClock()
    desk = promises(tmp_path, clock)
    token = at_once(desk.signed(QUOTED, until(clock)))
    clock.advance_s(299)
    desk.kept(token, QUOTED)
    clock.advance_s(1)
    with pytest.raises(QuoteExpired):
        desk.kept(token, QUOTED)


def test_a_key_that_was_rotated_out_keeps_its_promises(tmp_path: Path) -> None:
    clock = HandClock()
    ring = KeyRing.open(tmp_path, clock)
    desk = Promises(ring, clock)
    token = at_once(desk.signed(QUOTED, until(clock)))
    clock.advance_s(1)
    ring.rotate()
    assert desk.kept(token, QUOTED) == QUOTED


def test_another_model_or_more_than_one_call_is_refused(tmp_path: Path) -> None:
    clock = HandClock()
    desk = promises(tmp_path, clock)
    token = at_once(desk.signed(QUOTED, until(clock)))
    for quote in (
        Quote("large", CARD, Usage(1, 1)),
        Quote("tiny", CARD, Usage(), kept_nano_usd=5),
        Quote("tiny", CARD, Usage(), bought_nano_usd=5),
    ):
        with pytest.raises(QuoteInvalid, match="is for one call"):
            desk.kept(token, quote)


def test_forged_changed_and_foreign_quotes_are_refused(tmp_path: Path) -> None:
    clock = HandClock()
    desk = promises(tmp_path / "ours", clock)
    foreign = at_once(promises(tmp_path / "theirs", clock).signed(QUOTED, until(clock)))
    token = at_once(desk.signed(QUOTED, until(clock)))
    form, payload, signature = token.split(".")
    told = orjson.loads(base64.urlsafe_b64decode(payload + "=="))
    free = told | {"card": told["card"] | {"output_nano_per_mtok": "0"}}
    worded = told | {"issued_at_ms": "now", "expires_at": None, "card": 5}
    longer = told | {"expires_at": told["expires_at"] + 10**6}
    forged = [
        ".".join((form, base64.urlsafe_b64encode(orjson.dumps(changed)).decode().rstrip("="), signature))
        for changed in (free, longer, worded)
    ]
    broken = ["", "q1", "q1..", f"q2.{payload}.{signature}", f"{token}=", f"{token}.x", payload]
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    broken += [f"q1.{payload}.{other}", "q1." + "A" * 5_000, "q1.bnVsbA." + signature]
    for bad in (foreign, *forged, *broken):
        with pytest.raises(QuoteInvalid):
            desk.kept(bad, QUOTED)
    desk.kept(token, QUOTED)
