"""The rail with a payer who uses the official client: what is charged, delivered, stored and refused."""

import asyncio
from typing import Any

import pytest

from base.caller import Caller, CallerKind, Opened
from base.errors import ServiceUnavailable, Unauthorized
from base.resource import Resource
from base.usage import Usage
from settlement.evidence.ops import evidence_key
from settlement.evidence.trust import Trust
from settlement.evidence.verify import verify_bundle
from settlement.ledger.ids import CHAIN, REVENUE
from settlement.rail import Delivery, Replay, RunStatus, Settled
from settlement.x402.errors import (
    PaymentInvalid,
    PaymentMalformed,
    PaymentRequired,
    PaymentReused,
    PaymentUnavailable,
    SettlementFailed,
    SettlementPending,
)
from settlement.x402.payment import Payment
from storage.op import Op, Rows
from tests.unit.settlement.x402.house import (
    MCP,
    RESULT,
    SALE,
    House,
    Payer,
    challenged,
    granted,
    order,
    outcome_of,
    paid_order,
    run,
)

CHARGE = 1_260
PAID = 28_000


async def test_a_payment_buys_the_call_and_the_rest_is_credit(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    grant = granted(await house.rail.authorize(paid))
    assert grant.upfront is None
    assert grant.terms.payer == payer.address
    assert grant.terms.max_amount == "28"
    settled = await grant.capture(outcome_of(paid))
    assert settled.charged_nano_usd == CHARGE
    assert settled.credit_nano_usd == PAID - CHARGE
    assert settled.settlement is not None
    assert settled.settlement["success"] is True
    assert settled.settlement["payer"] == payer.address
    receipt = settled.receipt["receipt_payload"]
    assert receipt["transaction"] == settled.settlement["transaction"]
    assert (receipt["charged_nano_usd"], receipt["settled_atomic"]) == (CHARGE, 28)
    books = await house.audit()
    assert books.balances == {
        CHAIN: -PAID,
        REVENUE: CHARGE,
        "receivable": 0,
        payer.credit_account: PAID - CHARGE,
    }
    await house.balanced()


async def test_the_answers_token_opens_what_was_bought_and_spends_no_credit(
    house: House, payer: Payer
) -> None:
    paid = await paid_order(house, payer)
    settled = await run(house, paid)
    assert isinstance(settled, Settled)
    assert settled.access_token is not None
    caller = house.keys.authenticate(settled.access_token)
    assert (caller.kind, caller.account_id) == (CallerKind.ANONYMOUS, None)
    assert caller.opens == Opened(payer.credit_account, paid.run_id)


async def test_what_its_payer_did_not_sign_is_refused_before_the_chain_is_asked(
    house: House, payer: Payer
) -> None:
    """A flood of forgeries costs no request to a node, and leaves nothing in the store."""
    paid, other = await paid_order(house, payer), (await paid_order(house, Payer())).payment
    assert paid.payment is not None
    assert other is not None
    genuine, foreign = paid.payment["payload"]["signature"], other["payload"]["signature"]
    forgeries = (foreign, genuine[:-4] + "0000", "0x" + "00" * 65, "0x", genuine + "00")
    for signature in forgeries:
        payload = {**paid.payment["payload"], "signature": signature}
        forged = order({**paid.payment, "payload": payload})
        with pytest.raises((PaymentInvalid, PaymentMalformed)):
            await house.rail.authorize(forged)
    assert (house.chain.verified, house.chain.asked, house.chain.looks) == (0, 0, 0)
    assert await house.payments() == []
    assert isinstance(await run(house, paid), Settled)
    assert house.chain.verified == 1


async def test_a_payment_lets_no_token_of_a_sign_in_live_longer(house: House, payer: Payer) -> None:
    await run(house, await paid_order(house, payer))
    account_id = payer.credit_account
    before = house.keys.wallet_token(account_id)
    with pytest.raises(Unauthorized):  # it is made, and nobody signed in
        house.keys.authenticate(before)
    (signed_in,) = await house.store.commit(house.keys.wallet_token_op(account_id, 60))
    house.keys.remember(signed_in)
    await run(house, await paid_order(house, payer, body="sha256:" + "9" * 64))
    token = house.keys.wallet_token(account_id)
    assert house.keys.authenticate(token).account_id == account_id
    house.clock.advance_s(61)
    with pytest.raises(Unauthorized):
        house.keys.authenticate(token)


async def test_the_same_payment_and_request_get_the_stored_answer(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    first = await run(house, paid)
    assert isinstance(first, Settled)
    again = await house.rail.authorize(order(paid.payment))
    assert isinstance(again, Replay)
    assert (again.run_id, again.result, again.settled) == (paid.run_id, RESULT, first)
    assert house.chain.asked == 1
    await house.balanced()


async def test_a_stored_answer_outlives_its_price_and_its_window(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    await run(house, paid)
    house.clock.advance_s(SALE.slack_s + 1)
    assert isinstance(await house.rail.authorize(order(paid.payment)), Replay)


async def test_a_stored_answer_expires_and_is_shredded(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    await run(house, paid)
    house.clock.advance_s(601)
    with pytest.raises(PaymentReused, match="not kept"):
        await house.rail.authorize(order(paid.payment))
    assert await house.rail.recovery.sweep() == 1
    assert (await house.payments())[0]["box"] is None
    assert await house.rail.recovery.sweep() == 0


async def test_stored_answers_are_sealed(house: House, payer: Payer) -> None:
    await run(house, await paid_order(house, payer))
    assert b"hello" not in (await house.payments())[0]["box"]


@pytest.mark.parametrize(
    "other",
    [
        {"body": "sha256:" + "9" * 64},
        {"resource": MCP},
    ],
)
async def test_a_payment_buys_its_own_request_only(
    house: House, payer: Payer, other: dict[str, Any]
) -> None:
    paid = await paid_order(house, payer)
    await run(house, paid)
    with pytest.raises(PaymentReused, match="another request") as refused:
        await house.rail.authorize(order(paid.payment, **other))
    assert refused.value.status == 409
    assert not hasattr(refused.value, "challenge")
    await house.balanced()


async def test_a_payment_for_another_resource_pays_for_its_own_alone(house: House, payer: Payer) -> None:
    payment = (await paid_order(house, payer)).payment
    elsewhere = Resource("http://127.0.0.1:8402/v1/embeddings", "Embed")
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(payment, resource=elsewhere))
    assert refused.value.reason == "resource_mismatch"
    assert await house.payments() == []
    assert isinstance(await run(house, order(payment)), Settled)


async def test_two_hundred_at_once_with_one_payment_run_once(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    orders = [order(paid.payment) for _ in range(200)]
    answers = await asyncio.gather(
        *(house.rail.authorize(each) for each in orders), return_exceptions=True
    )
    runs = [
        (each, answer)
        for each, answer in zip(orders, answers, strict=True)
        if not isinstance(answer, BaseException)
    ]
    assert len(runs) == 1
    assert sum(isinstance(answer, PaymentReused) for answer in answers) == 199
    winner, grant = runs[0]
    await granted(grant).capture(outcome_of(winner))
    assert house.chain.asked == 1
    await house.balanced()


async def test_a_released_payment_may_be_used_again(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    await granted(await house.rail.authorize(paid)).release()
    assert await house.state() == "none"
    assert isinstance(await run(house, order(paid.payment)), Settled)
    await house.balanced()


async def test_nothing_is_delivered_when_the_money_does_not_come(house: House, payer: Payer) -> None:
    house.chain.mood = "refuse"
    paid = await paid_order(house, payer)
    grant = granted(await house.rail.authorize(paid))
    with pytest.raises(SettlementFailed) as failed:
        await grant.capture(outcome_of(paid))
    assert failed.value.status == 402
    assert failed.value.challenge["error"] == "invalid_exact_evm_insufficient_balance"
    row = (await house.payments())[0]
    assert (row["state"], row["box"]) == ("failed", None)
    await house.balanced()
    assert await _says_unpaid(house, row["run_id"])
    with pytest.raises(PaymentReused, match="could not be settled"):
        await house.rail.authorize(order(paid.payment))


async def _says_unpaid(house: House, run_id: str) -> bool:
    """Whether the receipt of a record fits it and tells that nothing was paid."""
    proofs: Any = house.rail.recovery.desk.proofs
    evidence, receipt = await proofs.evidence(run_id), await proofs.receipt(run_id)
    if receipt is None:
        return False
    paid = receipt["receipt_payload"]
    told = (paid["charged_nano_usd"], paid["settled_atomic"], paid["transaction"])
    trust = Trust(tuple(proofs.keys.history), ())
    bundle = {"evidence": evidence, "receipt": receipt, "inclusion": None}
    checks = {check.name: check.result for check in verify_bundle(bundle, trust).checks}
    assert checks["settlement_arithmetic"] == checks["linkage.payload"] == "pass"
    assert evidence["payload"]["charged_nano_usd"] != 0
    return bool(told == (0, 0, ""))


async def test_a_payment_that_failed_in_an_earlier_version_is_told_by_its_receipt(
    house: House, payer: Payer
) -> None:
    house.chain.mood = "refuse"
    paid = await paid_order(house, payer)
    grant = granted(await house.rail.authorize(paid))
    with pytest.raises(SettlementFailed):
        await grant.capture(outcome_of(paid))
    run_id = paid.run_id
    await house.store.commit(_without_receipt(run_id))
    assert not await _says_unpaid(house, run_id)
    await house.rail.recovery.recover()
    assert await _says_unpaid(house, run_id)


def _without_receipt(run_id: str) -> Op:
    key = evidence_key(run_id)
    gone = dict.fromkeys(("receipt_payload", "receipt_signature", "receipt_public_key"))

    def fold(rows: Rows) -> None:
        rows.put(key, {**(rows.get(key) or {}), **gone})

    return Op((key,), fold)


async def test_a_refusal_of_the_chain_reserves_nothing(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    house.chain.verdict = "invalid_exact_evm_insufficient_balance"
    with pytest.raises(PaymentInvalid, match="balance does not cover") as refused:
        await house.rail.authorize(paid)
    assert refused.value.reason == "invalid_exact_evm_insufficient_balance"
    assert refused.value.challenge["accepts"] == (await challenged(house, order()))["accepts"]
    assert await house.state() == "none"


async def test_a_chain_that_does_not_answer_takes_no_payment(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    house.chain.verdict = ServiceUnavailable("The chain does not answer.")
    with pytest.raises(PaymentUnavailable) as refused:
        await house.rail.authorize(paid)
    assert (refused.value.status, refused.value.retryable) == (503, False)
    house.chain.verdict = None
    assert isinstance(await run(house, order(paid.payment)), Settled)


async def test_a_settlement_that_is_seen_late_is_waited_for(house: House, payer: Payer) -> None:
    house.chain.mood = "lose"
    assert isinstance(await run(house, await paid_order(house, payer)), Settled)
    await house.balanced()


async def test_a_settlement_that_never_comes_fails_after_its_window(house: House, payer: Payer) -> None:
    house.chain.mood = "drop"
    paid = await paid_order(house, payer)
    grant = granted(await house.rail.authorize(paid))
    capture = asyncio.create_task(grant.capture(outcome_of(paid)))
    await house.until("pending")
    with pytest.raises(SettlementPending, match=paid.run_id):
        await house.rail.authorize(order(paid.payment))
    house.clock.advance_s(SALE.max_timeout_s + 1)
    with pytest.raises(SettlementFailed):
        await capture
    await house.balanced()


async def test_a_caller_is_not_kept_for_ever_and_the_payment_is_followed(
    house: House, payer: Payer
) -> None:
    house.chain.mood = "drop"
    paid = await paid_order(house, payer)
    grant = granted(await house.rail.authorize(paid))
    house.clock.advance_s(-3600)  # the window ends long after a caller's patience
    capture = asyncio.create_task(grant.capture(outcome_of(paid)))
    await house.chain.until_looked()
    house.clock.advance_s(3601)
    with pytest.raises(SettlementPending) as pending:
        await capture
    assert (pending.value.status, pending.value.retryable) == (503, False)
    house.chain.mine(await _authorization(house))
    await house.rail.recovery.reconcile()
    assert await house.state() == "settled"
    assert isinstance(await house.rail.authorize(order(paid.payment)), Replay)
    await house.balanced()


async def test_a_stream_is_paid_before_it_runs(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer, delivery=Delivery.STREAM)
    grant = granted(await house.rail.authorize(paid))
    assert grant.upfront is not None
    assert grant.upfront.settlement["success"] is True
    assert house.chain.received == 28
    settled = await grant.capture(outcome_of(paid, status=RunStatus.PARTIAL))
    assert (settled.charged_nano_usd, settled.credit_nano_usd) == (CHARGE, PAID - CHARGE)
    assert settled.access_token == grant.upfront.access_token
    assert settled.receipt["receipt_payload"]["transaction"] == grant.upfront.settlement["transaction"]
    await house.balanced()
    assert isinstance(await house.rail.authorize(order(paid.payment, delivery=Delivery.STREAM)), Replay)


async def test_what_a_failed_stream_was_paid_is_credit(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer, delivery=Delivery.STREAM)
    await granted(await house.rail.authorize(paid)).release()
    books = await house.audit()
    assert books.balances == {CHAIN: -PAID, payer.credit_account: PAID}
    await house.balanced()
    with pytest.raises(PaymentReused, match="credit") as told:
        await house.rail.authorize(order(paid.payment, delivery=Delivery.STREAM))
    assert "/v1/sign-in" in told.value.resolution
    assert told.value.upfront is not None
    assert told.value.upfront.access_token is None


async def test_an_upfront_payment_that_fails_runs_nothing(house: House, payer: Payer) -> None:
    house.chain.mood = "refuse"
    paid = await paid_order(house, payer, delivery=Delivery.STREAM)
    with pytest.raises(SettlementFailed):
        await house.rail.authorize(paid)
    assert await house.state() == "failed"
    await house.balanced()


async def test_over_mcp_the_payer_chooses_when_to_pay(house: House, payer: Payer) -> None:
    challenge = await challenged(house, order(resource=MCP))
    flows = [accepted["extra"].get("paymentFlow") for accepted in challenge["accepts"]]
    assert flows == [None, "upfront"]
    payment = await payer.sign(challenge, lambda _, accepts: accepts[1:])
    paid = order(payment, resource=MCP, delivery=Delivery.STREAM)
    grant = granted(await house.rail.authorize(paid))
    assert grant.upfront is not None
    await grant.release()


async def test_a_stream_can_not_be_paid_after_it_ran(house: House, payer: Payer) -> None:
    paid = await paid_order(house, payer)
    with pytest.raises(PaymentInvalid) as refused:
        await house.rail.authorize(order(paid.payment, delivery=Delivery.STREAM))
    assert refused.value.reason == "No matching payment requirements"


async def test_a_caller_whose_balance_is_short_is_told_both_ways(house: House) -> None:
    caller = Caller(CallerKind.ACCOUNT, "acct", "key")
    with pytest.raises(PaymentRequired, match="balance") as short:
        await house.rail.authorize(order(caller=caller))
    assert short.value.challenge["accepts"]


async def test_what_is_worked_on_is_left_alone(house: House, payer: Payer) -> None:
    for delivery in Delivery:
        paid = await paid_order(house, Payer(), delivery=delivery)
        grant = granted(await house.rail.authorize(paid))
        assert await house.rail.recovery.reconcile() == 0
        assert isinstance(await grant.capture(outcome_of(paid)), Settled)
    await house.balanced()


async def test_a_version_1_payment_buys_the_call(house: House, payer: Payer) -> None:
    signed = (await paid_order(house, payer)).payment
    assert signed is not None
    old = {
        "x402Version": 1,
        "scheme": "exact",
        "network": "eip155:31337",
        "payload": signed["payload"],
    }
    assert isinstance(await run(house, order(old)), Settled)
    assert isinstance(await house.rail.authorize(order(signed)), Replay)
    await house.balanced()


async def test_no_charge_is_below_nothing_and_none_above_the_quote(house: House) -> None:
    for usage in (Usage(0, 0), Usage(10**6, 10**6)):
        paid = await paid_order(house, Payer())
        grant = granted(await house.rail.authorize(paid))
        settled = await grant.capture(outcome_of(paid, usage))
        assert settled.charged_nano_usd + settled.credit_nano_usd == PAID
        assert settled.charged_nano_usd in (0, PAID)
    await house.balanced()


async def _authorization(house: House) -> Any:
    return Payment.from_row((await house.payments())[0]).authorization
