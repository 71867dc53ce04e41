"""Energy in records: signed as integers where it is known, shown as figures, else null."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import rfc8785

from base.energy import Energy, Grid
from settlement.evidence.log import Log
from settlement.evidence.ops import evidence_op
from settlement.evidence.reader import EvidenceReader
from settlement.evidence.recorder import Recorder
from settlement.evidence.tables import TABLES
from settlement.evidence.verify import verify_bundle
from tests.stores import fresh_store
from tests.unit.settlement.evidence.case import LOG_KEY, Desk, inclusion_of, open_desk, outcome

RUN = replace(outcome(), energy=Energy(2_500, "configured_power_busy_share"))


def desk_on(folder: Path, grid: Grid | None) -> Desk:
    desk = open_desk(folder / "keys")
    return replace(desk, recorder=Recorder(desk.keys, "development", grid=grid))


def test_record_and_receipt_sign_it_as_integers(tmp_path: Path) -> None:
    desk = desk_on(tmp_path, Grid(380, "a published average"))
    evidence, receipt = desk.signed(of=RUN)
    told = {
        "microwatt_hours": 2_500,
        "method": "configured_power_busy_share",
        "grid_gco2e_per_kwh": 380,
        "grid_source": "a published average",
    }
    assert evidence.wire["payload"]["energy"] == told
    assert receipt.wire["receipt_payload"]["energy"] == told
    assert evidence.payload == rfc8785.dumps(evidence.wire["payload"])
    inclusion = inclusion_of(evidence, before=1, after=1)
    bundle = {"receipt": receipt.wire, "evidence": evidence.wire, "inclusion": inclusion}
    assert verify_bundle(bundle, desk.trust).exit_code == 0


def test_a_receipt_that_tells_another_energy_is_caught(tmp_path: Path) -> None:
    desk = desk_on(tmp_path, None)
    evidence, _ = desk.signed(of=RUN)
    _, other = desk.signed(of=replace(RUN, energy=Energy(1, "configured_power_busy_share")))
    bundle = {"receipt": other.wire, "evidence": evidence.wire, "inclusion": None}
    checks = verify_bundle(bundle, desk.trust).document()["checks"]
    assert "linkage.payload" in {check["name"] for check in checks if check["result"] == "fail"}


def test_where_nothing_is_known_nothing_is_said(tmp_path: Path) -> None:
    evidence, receipt = desk_on(tmp_path, Grid(380, "a published average")).signed()
    assert "energy" not in evidence.wire["payload"]
    assert "energy" not in receipt.wire["receipt_payload"]


async def test_the_public_record_shows_watt_hours_and_grams(tmp_path: Path) -> None:
    shown: dict[Grid | None, Any] = {}
    async with fresh_store(tmp_path, TABLES) as store:
        for grid in (Grid(400, "a published average"), None):
            desk = desk_on(tmp_path, grid)
            run = replace(RUN, run_id=f"run_{len(shown):032x}")
            evidence, receipt = desk.signed(of=run)
            await store.commit(evidence_op(evidence, receipt, 1))
            reader = EvidenceReader(store, desk.keys, Log(store, LOG_KEY))
            shown[grid] = await reader.record(run.run_id)
    with_grid, without = shown.values()
    assert with_grid is not None
    assert without is not None
    assert (with_grid["energy_wh"], with_grid["carbon_grams_co2e"]) == (0.0025, 0.001)
    assert with_grid["energy_method"] == "configured_power_busy_share"
    assert with_grid["energy_source"] == "a published average"
    assert (without["energy_wh"], without["carbon_grams_co2e"]) == (0.0025, None)
    assert without["energy_source"] is None
