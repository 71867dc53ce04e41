"""The whole cycle on anvil, an implementation of the chain that is not ours: real deployments, real
reorganisations."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from base.clock import SystemClock
from settlement.agent.feedback import Opinion, feedback, submission
from settlement.agent.online import OnlineVerifier
from settlement.chain.client import ChainClient
from settlement.chain.devnet import artifact
from settlement.chain.erc8004 import reputation
from settlement.chain.erc8004.addresses import TESTNET
from settlement.chain.funding import fund, fund_gas
from settlement.chain.keys import Transaction, local_signer
from settlement.evidence.anchors import AnchorBook, AnchorState
from settlement.evidence.ops import evidence_op
from settlement.evidence.signed import PaymentFacts
from settlement.evidence.verdict import Findings
from settlement.rail import Terms
from settlement.x402.facilitator import SettlementState
from settlement.x402.facilitators.dev import DevFacilitator
from tests.anvil import Anvil, anvil
from tests.chains import new_payer
from tests.unit.settlement.agent.site import URI, Site, new_signer, site
from tests.unit.settlement.evidence.case import START_MS

pytestmark = pytest.mark.peers

_REGISTRIES = {
    TESTNET.identity: "DevIdentityRegistry",
    TESTNET.reputation: "DevReputationRegistry",
    TESTNET.validation: "DevValidationRegistry",
}


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Anvil]:
    """The registries stand where test networks have them; the AnchorKeeper is put there by us."""
    async with anvil(tmp_path) as chain, ChainClient(lambda: chain.rpc_url) as client:
        for address, name in _REGISTRIES.items():
            await client.request("anvil_setCode", address, artifact(name)["runtime"])
        yield chain


async def test_the_whole_cycle(chain: Anvil, tmp_path: Path) -> None:
    async with site(chain, tmp_path) as place:  # type: ignore[arg-type] # as much of it as is used
        agent = await place.registrar().register()
        assert await place.client.code(place.place.keeper)
        wallet = new_signer()
        await place.registrar().set_wallet(wallet)
        payer = new_payer()
        await fund(chain.rpc_url, payer.address, 1_000)
        bundle = await _paid(chain, place, tmp_path, payer, wallet.address)
        findings = Findings()
        await OnlineVerifier(place.client, _file, 1).check(findings, bundle)
        results = {check.name: check.result for check in findings.verdict("").checks}
        assert set(results.values()) == {"pass"}, findings.verdict("").document()
        await _rated(chain, place, bundle, payer, agent.number)


async def _file(uri: str) -> Any:
    assert uri == URI
    return {
        "registrations": [
            {"agentId": 0, "agentRegistry": f"eip155:31337:{TESTNET.identity}"},
        ]
    }


async def _paid(chain: Anvil, place: Site, folder: Path, payer: Any, payee: str) -> Any:
    """A payment settled by the facilitator, its record, and its anchor through a reorganisation."""
    authorization = payer.authorize(payee, 15)
    async with DevFacilitator(chain, place.store, SystemClock(), folder / "gas.key") as facilitator:
        settled = await facilitator.settle("run_1", authorization)
    assert settled.state is SettlementState.SETTLED
    terms = Terms(
        rail="x402",
        payer=payer.address,
        payee=payee,
        network=chain.network,
        asset=chain.usdc,
        nonce=authorization.nonce,
        max_amount="15",
    )
    place.desk.recorder = place.desk.recorder.__class__(
        place.desk.keys, "development", lambda: (f"eip155:31337:{TESTNET.identity}", "0")
    )
    record, receipt = place.desk.signed(terms, PaymentFacts(10_000, 15, 5_000, settled.transaction))
    await place.store.commit(evidence_op(record, receipt, START_MS))
    await place.record(999)
    anchorer = place.anchorer(confirmations=2)
    await anchorer.step()
    await anchorer.step()
    book = AnchorBook(place.store, place.log)
    before = await book.latest(place.place.genesis)
    assert before is not None
    assert before.state is AnchorState.MINED
    print("gas of the first anchor on anvil:", before.gas_used)
    await place.client.request("anvil_reorg", 1, [])
    assert await place.client.receipt(before.transaction) is None
    await anchorer.step()
    await place.client.request("anvil_mine", "0x2")
    await anchorer.step()
    healed = await book.latest(place.place.genesis)
    assert healed is not None
    assert (healed.state, healed.transaction) == (AnchorState.FINAL, before.transaction)
    await place.record(1000)
    await anchorer.step(now=True)
    await place.client.request("anvil_mine", "0x2")
    await anchorer.step()
    later = await book.latest(place.place.genesis)
    assert later is not None
    print("gas of an anchor on anvil:", later.gas_used, "for 1,000 records")
    assert later.gas_used <= 48_000
    return await place.proofs.bundle(record.run_id)


async def _rated(chain: Anvil, place: Site, bundle: Any, payer: Any, agent_id: int) -> None:
    opinion = Opinion(90, 0, "quality")
    given = feedback(bundle, opinion, "https://agent.example")
    call = submission(given, opinion, "https://agent.example/feedback", agent_id, place.place)
    await fund_gas(chain.rpc_url, payer.address)
    signer = local_signer(bytes(payer.account.key))
    nonce, price = await place.client.nonce(signer.address), await place.client.gas_price_wei()
    data = bytes.fromhex(call["data"][2:])
    signed = await signer.sign(Transaction(31337, nonce, call["to"], data, 400_000, 2 * price))
    mined = await place.client.wait_receipt(await place.client.send_raw(signed.raw))
    [(_, values)] = reputation.NEW_FEEDBACK.of(call["to"], mined.logs)
    assert values[-1] == given.hash
    print("gas of the feedback on anvil:", mined.gas_used)
