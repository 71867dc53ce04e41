"""Checkpoints reach the chain: one for many records, in a budget, through reorganisations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settlement.chain.client import Receipt
from settlement.chain.devchain import DevChain
from settlement.chain.erc8004 import identity, keeper, validation
from settlement.chain.keccak import keccak256
from settlement.chain.keys import transaction_of
from settlement.evidence.anchors import AnchorBook, AnchorState
from settlement.evidence.trust import Trust
from settlement.evidence.verify import verify_bundle
from tests.unit.settlement.agent.site import Site, new_signer, site
from tests.unit.settlement.evidence.case import LOG_KEY

GAS_A_RECEIPT = 48


@pytest.fixture
async def place(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(dev_chain, tmp_path) as made:
        yield made


@pytest.fixture
async def agent(place: Site) -> int:
    return (await place.registrar().register()).number


async def test_nothing_is_anchored_without_an_agent_or_records(place: Site) -> None:
    anchorer = place.anchorer()
    await place.record()
    await anchorer.step()
    assert "batchin agent register" in anchorer.trouble
    assert await AnchorBook(place.store, place.log).latest(place.place.genesis) is None


async def test_a_checkpoint_stands_in_the_metadata_and_every_record_proves_it(
    place: Site, agent: int
) -> None:
    records = await place.record(3)
    anchorer = place.anchorer()
    await anchorer.step()
    await anchorer.step()
    book = AnchorBook(place.store, place.log)
    anchor = await book.latest(place.place.genesis)
    assert anchor is not None
    assert anchor.state is AnchorState.FINAL
    assert await place.reader.anchored(agent) == bytes.fromhex(anchor.digest[2:])
    receipt = await place.client.receipt(anchor.transaction)
    assert receipt is not None
    registry = place.place.registries.identity
    assert identity.metadata_written(registry, agent, keeper.METADATA_KEY, receipt.logs) == [
        keccak256(anchor.note.encode())
    ]
    later = await place.record(2)
    for record in records:
        bundle = await place.proofs.bundle(record.run_id)
        assert bundle is not None
        assert bundle["anchor"]["inclusion"]["tree_size"] == 3
        verdict = verify_bundle(bundle, Trust(tuple(place.desk.keys.history), (LOG_KEY,)))
        assert verdict.valid, verdict.document()
        names = {check.name for check in verdict.checks if check.valid}
        assert names >= {"anchor.inclusion", "anchor.checkpoint", "anchor.digest"}
    young = await place.proofs.bundle(later[0].run_id)
    assert young is not None
    assert "anchor" not in young


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        (("digest",), "anchor.digest"),
        (("inclusion", "root"), "anchor.inclusion"),
        (("inclusion", "tree_size"), "anchor.inclusion"),
    ],
)
async def test_a_changed_anchor_fails_by_name(
    place: Site, agent: int, change: tuple[str, ...], failing: str
) -> None:
    [record] = await place.record()
    anchorer = place.anchorer()
    await anchorer.step()
    await anchorer.step()
    bundle = await place.proofs.bundle(record.run_id)
    assert bundle is not None
    inner = bundle["anchor"]
    for name in change[:-1]:
        inner = inner[name]
    value = inner[change[-1]]
    inner[change[-1]] = (
        value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
    )
    verdict = verify_bundle(bundle, Trust(tuple(place.desk.keys.history), (LOG_KEY,)))
    assert failing in {check.name for check in verdict.checks if check.result == "fail"}


async def test_a_thousand_records_cost_one_transaction(place: Site, agent: int) -> None:
    """The second anchor is the price to go by: the first one pays for new storage."""
    anchorer = place.anchorer()
    await place.record()
    await anchorer.step()
    await place.record(1000)
    await anchorer.step()
    await anchorer.step()
    anchor = await AnchorBook(place.store, place.log).latest(place.place.genesis)
    assert anchor is not None
    assert (anchor.state, anchor.size) == (AnchorState.FINAL, 1001)
    print(f"gas of an anchor: {anchor.gas_used}, {anchor.gas_used / 1000} a receipt at 1,000")
    assert anchor.gas_used / 1000 <= GAS_A_RECEIPT


async def test_records_wait_for_the_next_anchor(place: Site, agent: int) -> None:
    anchorer = place.anchorer()
    await place.record()
    await anchorer.step()
    nonce = await place.client.nonce(place.writer.address)
    await place.record()
    await anchorer.step()
    assert await place.client.nonce(place.writer.address) == nonce
    place.clock.advance_s(601)
    await anchorer.step()
    assert await place.client.nonce(place.writer.address) == nonce + 1


async def test_the_budget_of_a_day_holds(place: Site, agent: int) -> None:
    await place.record()
    poor = place.anchorer(budget_wei=1)
    await poor.step()
    assert "budget" in poor.trouble
    assert await place.client.nonce(place.writer.address) == 0
    rich = place.anchorer()
    await rich.step()
    assert rich.trouble == ""


async def test_an_anchor_is_final_after_its_confirmations(place: Site, agent: int) -> None:
    [record] = await place.record()
    anchorer = place.anchorer(confirmations=3)
    await anchorer.step()
    await anchorer.step()
    book = AnchorBook(place.store, place.log)
    anchor = await book.latest(place.place.genesis)
    assert anchor is not None
    assert anchor.state is AnchorState.MINED
    bundle = await place.proofs.bundle(record.run_id)
    assert bundle is not None
    assert "anchor" not in bundle
    for _ in range(2):  # a block each
        await place.registrar(f"https://{_}.example").register()
    await anchorer.step()
    anchor = await book.latest(place.place.genesis)
    assert anchor is not None
    assert anchor.state is AnchorState.FINAL


async def test_an_anchor_that_a_reorganisation_took_is_sent_again(place: Site, agent: int) -> None:
    """The same bytes: the row is mined, and the chain knows its transaction no more."""
    await place.record()
    anchorer = place.anchorer(confirmations=2)
    await anchorer.step()
    await anchorer.step()
    book = AnchorBook(place.store, place.log)
    anchor = await book.latest(place.place.genesis)
    assert anchor is not None
    real, forgotten = place.client.receipt, {anchor.transaction}
    resent: list[bytes] = []
    send = place.client.send_raw

    async def receipt(transaction: str) -> Receipt | None:
        return None if transaction in forgotten else await real(transaction)

    async def send_raw(raw: bytes) -> str:
        resent.append(raw)
        forgotten.clear()
        return await send(raw)

    nonce = place.client.mined_nonce

    async def mined_nonce(address: str) -> int:
        return await nonce(address) - len(forgotten)

    place.client.receipt = receipt  # type: ignore[method-assign]
    place.client.send_raw = send_raw  # type: ignore[method-assign]
    place.client.mined_nonce = mined_nonce  # type: ignore[method-assign]
    await anchorer.step()
    entry = await place.writer.find(anchor.ref)
    assert entry is not None
    assert resent == [entry.raw]
    await anchorer.step()
    healed = await book.latest(place.place.genesis)
    assert healed is not None
    assert (healed.state, healed.transaction) == (AnchorState.MINED, anchor.transaction)


async def test_an_anchor_that_died_before_it_was_sent_is_begun_anew(place: Site, agent: int) -> None:
    await place.record()
    anchorer = place.anchorer()
    broken = place.writer.send

    async def dies(*_: object) -> None:
        raise RuntimeError("power cut")

    place.writer.send = dies  # type: ignore[method-assign,assignment]
    await anchorer.step()
    place.writer.send = broken  # type: ignore[method-assign]
    again = place.anchorer()
    await again.step()
    place.clock.advance_s(601)
    await again.step()
    await again.step()
    anchor = await AnchorBook(place.store, place.log).latest(place.place.genesis)
    assert anchor is not None
    assert (anchor.state, anchor.attempt) == (AnchorState.FINAL, 1)


async def test_a_validation_is_asked_of_an_independent_validator(place: Site, agent: int) -> None:
    await place.record()
    own = place.anchorer("validation_registry", validator=place.owner.address)
    await own.step()
    assert "independent" in own.trouble
    validator = new_signer().address
    anchorer = place.anchorer("validation_registry", validator=validator)
    await anchorer.step()
    assert anchorer.trouble == ""
    asked = validation.GET_VALIDATOR_REQUESTS.call(validator)
    answer = await place.client.call(place.place.registries.validation, asked)
    anchor = await AnchorBook(place.store, place.log).latest(place.place.genesis)
    assert anchor is not None
    assert validation.GET_VALIDATOR_REQUESTS.result(answer) == ((bytes.fromhex(anchor.digest[2:]),),)


async def test_an_anchor_that_waits_is_replaced_at_a_higher_fee(
    place: Site, agent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever version gets into a block is the anchor's transaction."""
    await place.record()
    anchorer, book = place.anchorer(), AnchorBook(place.store, place.log)
    send, held = place.client.send_raw, []

    async def holding(raw: bytes) -> str:
        held.append(raw)
        return ""

    async def knows(_: str) -> bool:
        return True

    monkeypatch.setattr(place.client, "send_raw", holding)
    monkeypatch.setattr(place.client, "knows", knows)
    for _ in range(3):
        await anchorer.step()
        place.clock.advance_s(31)
    first, *_, last = [transaction_of(raw) for raw in held]
    assert (len(held), last.nonce) == (3, first.nonce)
    assert last.max_fee_wei > first.max_fee_wei
    monkeypatch.undo()
    mined = await send(held[1])
    await anchorer.step()
    anchor = await book.latest(place.place.genesis)
    assert anchor is not None
    assert (anchor.state, anchor.transaction, anchor.attempt) == (AnchorState.FINAL, mined, 0)
    assert await place.reader.anchored(agent) == bytes.fromhex(anchor.digest[2:])
