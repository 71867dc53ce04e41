"""What the chain says of a payment, by EIP-3009 and by Permit2; what it does not say fails."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from base.clock import SystemClock
from settlement.agent.online import OnlineVerifier
from settlement.chain.devchain import DevChain
from settlement.evidence.signed import PaymentFacts
from settlement.evidence.verdict import Findings, Result
from settlement.rail import Terms
from settlement.x402.facilitator import Authorization, SettlementState
from settlement.x402.facilitators.dev import DevFacilitator
from tests.chains import Payer, funded_payer, new_address
from tests.unit.settlement.agent.site import Site, site


@pytest.fixture
async def place(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(dev_chain, tmp_path) as made:
        yield made


async def _nobody(_: str) -> Any:
    raise OSError("no file is asked for")


async def _checked(place: Site, bundle: Any) -> dict[str, Result]:
    findings = Findings()
    await OnlineVerifier(place.client, _nobody, 1).check(findings, bundle)
    return {check.name: check.result for check in findings.verdict("").checks}


def _bundle(place: Site, paid: Authorization, transaction: str, nonce: str) -> Any:
    terms = Terms(
        rail="x402",
        payer=paid.payer,
        payee=paid.payee,
        network=paid.network,
        asset=paid.asset,
        nonce=nonce,
        max_amount="15",
    )
    record, receipt = place.desk.signed(terms, PaymentFacts(10_000, 15, 5_000, transaction))
    return {"evidence": dict(record.wire), "receipt": dict(receipt.wire), "inclusion": None}


@pytest.mark.parametrize("method", ["eip3009", "permit2"])
async def test_a_payment_is_found_on_its_chain(
    place: Site, dev_chain: DevChain, tmp_path: Path, method: str
) -> None:
    payer: Payer = await funded_payer(dev_chain)
    payee = new_address()
    if method == "eip3009":
        paid = payer.authorize(payee, 15)
    else:
        paid = payer.permit(payee, 15, approval=payer.approval(15))
    key = tmp_path / "gas.key"
    async with DevFacilitator(dev_chain, place.store, SystemClock(), key) as facilitator:
        settled = await facilitator.settle("run_1", paid)
    assert settled.state is SettlementState.SETTLED
    found = await _checked(place, _bundle(place, paid, settled.transaction, paid.nonce))
    assert found["chain.payment"] is Result.PASS
    assert found["anchor.transaction"] is Result.SKIPPED
    other = "0x" + "5a" * 32
    found = await _checked(place, _bundle(place, paid, settled.transaction, other))
    assert found["chain.payment"] is Result.FAIL
    found = await _checked(place, _bundle(place, paid, "0x" + "12" * 32, paid.nonce))
    assert found["chain.payment"] is Result.FAIL
