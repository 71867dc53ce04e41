"""x402 over HTTP: the official client, then everything a payer may do wrong or try."""

import asyncio
import base64
import copy
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.http.utils import decode_payment_required_header, decode_payment_response_header
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.schemas import PaymentRequired
from x402.schemas.v1 import PaymentRequiredV1

from base.ids import record_id_of
from manifests.payment import PaymentReport
from settlement.chain.devnet import NETWORK, USDC
from tests.children import CHAT_ENGINE, child_of, frozen
from tests.contract.http.raw import connected, request
from tests.contract.x402.conftest import new_wallet
from tests.contract.x402.shop import CHAT, EMBED, QUESTION, TEXT, Shop, decoded, encoded

USES = int(os.environ.get("BATCHIN_TEST_USES", "200"))  # of one payment at once
CALLS = [(CHAT, QUESTION), (EMBED, TEXT)]
LONG = QUESTION | {"max_tokens": 96, "temperature": 0}


def official(shop: Shop) -> x402HttpxClient:
    client = x402Client()
    client.register(NETWORK, ExactEvmScheme(EthAccountSigner(shop.payer.account)))
    client.set_spend_controls(False)
    return x402HttpxClient(client, base_url=shop.url, timeout=60, trust_env=False)


def check_error(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["resolution"]
    assert answer.headers["x-should-retry"] == "false"
    return error


async def check_paid(shop: Shop, answer: httpx.Response) -> str:
    """One payment was settled on the chain for this answer, and its record verifies; the run id."""
    settled = decode_payment_response_header(answer.headers["payment-response"])
    assert answer.headers["x-payment-response"] == answer.headers["payment-response"]
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["x-should-retry"] == "false"
    assert (settled.success, settled.payer, settled.network) == (True, shop.payer.address, NETWORK)
    transaction = await shop.transaction(settled.transaction)
    (moved,) = transaction.transfers
    run_id = answer.headers["x-batchin-run-id"]
    (payment,) = [row for row in shop.watched.payments(shop.payer.address) if row.run_id == run_id]
    assert (payment.state, payment.transaction) == ("settled", settled.transaction)
    assert transaction.succeeded
    assert (moved.payer, moved.value_atomic) == (shop.payer.address, payment.amount_atomic)
    async with shop.client() as client:
        verdict = (await client.get(f"/v1/vaas/{run_id}/verify")).json()
        bundle = (await client.get(f"/v1/vaas/{run_id}/bundle")).json()
    assert verdict["valid"] is True, verdict
    assert bundle["receipt"]["receipt_payload"]["transaction"] == settled.transaction
    return run_id


# --- asked, paid, answered


@pytest.mark.parametrize(("path", "body"), CALLS)
async def test_the_challenge_is_one_of_x402s(shop: Shop, path: str, body: dict[str, Any]) -> None:
    with shop.watched.free_of_charge("the quick brown fox", "Say hi.") as lines:
        answer = await shop.send(path, body)
    check_error(answer, 402, "payment_required")
    assert answer.headers["cache-control"] == "no-store"
    challenge = decode_payment_required_header(answer.headers["payment-required"])
    assert isinstance(challenge, PaymentRequired)
    assert challenge.x402_version == 2
    assert challenge.resource is not None
    assert challenge.resource.url == shop.url + path
    schemes = [
        (offer.scheme, (offer.extra or {}).get("assetTransferMethod")) for offer in challenge.accepts
    ]
    upto = [("upto", "permit2")] if path == CHAT else []
    assert schemes == [*upto, ("exact", None), ("exact", "permit2")]
    for offer in challenge.accepts:
        assert (offer.network, offer.asset) == (NETWORK, USDC)
        assert int(offer.amount) > 0
        assert offer.max_timeout_seconds >= 300
    assert lines[0]["outcome"] == "payment_required"


@pytest.mark.parametrize(("path", "body"), CALLS)
async def test_the_official_client_pays_and_is_answered(
    shop: Shop, path: str, body: dict[str, Any]
) -> None:
    before = await shop.wallet_atomic()
    async with official(shop) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["vaas"]["record_id"] == answer.headers["x-vaas-record-id"]
    await check_paid(shop, answer)
    paid = decoded(answer.headers["payment-response"])["amount"]
    assert before - await shop.wallet_atomic() == int(paid)
    assert answer.headers["x-batchin-access-token"].startswith("batchin_object_")


async def test_where_a_payment_stands_is_told_by_its_run(shop: Shop) -> None:
    async with official(shop) as client:
        answer = await client.post(EMBED, json=TEXT)
        told = await client.get(f"/v1/payments/{answer.headers['x-batchin-run-id']}")
        by_record = await client.get(f"/v1/payments/{answer.headers['x-vaas-record-id']}")
        nobody = await client.get("/v1/payments/run_0")
    report = PaymentReport.model_validate(told.json(), strict=True)
    settled = decoded(answer.headers["payment-response"])
    assert (report.status, report.final, report.reason) == ("settled", True, None)
    assert (report.transaction, report.amount) == (settled["transaction"], settled["amount"])
    assert report.payer == shop.payer.address
    charged, credit = Decimal(report.charged_usd), Decimal(report.credit_usd)
    assert charged + credit == Decimal(settled["amount"]) / 10**6
    assert by_record.json() == told.json()
    assert TEXT["input"] not in told.text
    assert nobody.status_code == 404


async def test_the_official_client_pays_for_a_stream_before_it_runs(shop: Shop) -> None:
    body = QUESTION | {"stream": True}
    lines: list[str] = []
    async with official(shop) as client, client.stream("POST", CHAT, json=body) as answer:
        assert answer.status_code == 200
        assert decoded(answer.headers["payment-response"])["success"] is True
        async for line in answer.aiter_lines():
            lines += [line] if line else []
    assert lines[-1] == "data: [DONE]"
    chunks = [orjson.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    (vaas,) = [chunk["vaas"] for chunk in chunks if "vaas" in chunk]
    assert vaas["record_id"] == answer.headers["x-vaas-record-id"]
    await check_paid(shop, answer)


async def test_a_wallet_that_signs_in_spends_the_rest_and_that_alone(shop: Shop) -> None:
    payment = await shop.sign(CHAT, QUESTION | {"max_tokens": 400})
    answer = await shop.pay(CHAT, QUESTION | {"max_tokens": 400}, payment)
    token = await shop.wallet_token()
    run_id = answer.headers["x-batchin-run-id"]
    charged = {row.run_id: row.charged_nano_usd for row in shop.watched.payments(shop.payer.address)}
    before, at_chain = shop.watched.money().accounts, await shop.wallet_atomic()
    spent = await shop.send(EMBED, TEXT, authorization=f"Bearer {token}")
    assert spent.status_code == 200, spent.text
    assert "payment-response" not in spent.headers
    after = shop.watched.money().accounts
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"wallet:{NETWORK}:{shop.payer.address.lower()}"}
    assert await shop.wallet_atomic() == at_chain
    assert charged[run_id] > 0


async def test_credit_that_does_not_cover_a_call_is_told_the_price(shop: Shop) -> None:
    another = shop.as_another(*new_wallet())
    await _fund(another, 10_000)
    payment = await another.sign(EMBED, TEXT)
    assert (await another.pay(EMBED, TEXT, payment)).status_code == 200
    token = await another.wallet_token()
    with shop.watched.free_of_charge(token):
        answer = await another.send(CHAT, QUESTION, authorization=f"Bearer {token}")
    check_error(answer, 402, "payment_required")
    assert decoded(answer.headers["payment-required"])["accepts"]


async def test_a_token_that_was_changed_is_no_token(shop: Shop) -> None:
    payment = await shop.sign(EMBED, TEXT)
    bought = (await shop.pay(EMBED, TEXT, payment)).headers["x-batchin-access-token"]
    for token in (bought, await shop.wallet_token()):
        changed = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
        with shop.watched.free_of_charge(token, changed):
            answer = await shop.send(EMBED, TEXT, authorization=f"Bearer {changed}")
        check_error(answer, 401, "unauthorized")


# --- headers that are no payment


BROKEN: dict[str, str] = {
    "empty": "",
    "not base64": "%%%",
    "base64 of nothing": "====",
    "base64url with a dash": "-_-_",
    "not JSON": base64.b64encode(b"{").decode(),
    "an array": base64.b64encode(b"[]").decode(),
    "a string": base64.b64encode(b'"x"').decode(),
    "an empty object": base64.b64encode(b"{}").decode(),
    "version 3": encoded({"x402Version": 3}),
    "version as text": encoded({"x402Version": "2"}),
    "version as true": encoded({"x402Version": True}),
    "no payload": encoded({"x402Version": 2, "accepted": {}}),
    "a deep one": base64.b64encode(b'{"a":' * 1000 + b"1" + b"}" * 1000).decode(),
    "over 16 KB": "A" * 20_000,
}


@pytest.mark.parametrize("header", ["payment-signature", "x-payment"])
@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
async def test_a_header_that_is_no_payment_is_named(shop: Shop, header: str, value: str) -> None:
    with shop.watched.free_of_charge(value or "no secret", "the quick brown fox") as lines:
        answer = await shop.send(EMBED, TEXT, **{header: value})
    error = check_error(answer, 400, "invalid_request")
    assert error["param"] == header.upper()
    assert "payment-required" not in answer.headers
    assert lines[0]["outcome"] == "invalid_request"


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(payment: dict[str, Any]) -> None:
        place: Any = payment
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to

    return change


_SIGNED = ("payload", "authorization")
WRONG_TYPES = {
    "value as a number": _set(*_SIGNED, "value", to=5),
    "a negative value": _set(*_SIGNED, "value", to="-5"),
    "a value with zeros before it": _set(*_SIGNED, "value", to="05"),
    "a value beyond all": _set(*_SIGNED, "value", to="9" * 80),
    "a time as a number": _set(*_SIGNED, "validBefore", to=2_000_000_000),
    "a short nonce": _set(*_SIGNED, "nonce", to="0x00"),
    "a nonce that is none": _set(*_SIGNED, "nonce", to="0x" + "zz" * 32),
    "an address that is none": _set(*_SIGNED, "from", to="vitalik.eth"),
    "no authorization": _set("payload", "authorization", to=None),
    "a signature as a number": _set("payload", "signature", to=1),
    "a signature of half bytes": _set("payload", "signature", to="0x123"),
    "accepted as a list": _set("accepted", to=[]),
    "resource as text": _set("resource", to="http://elsewhere"),
}


@pytest.mark.parametrize("change", WRONG_TYPES.values(), ids=WRONG_TYPES)
async def test_members_of_a_wrong_type_are_refused(
    shop: Shop, change: Callable[[dict[str, Any]], None]
) -> None:
    payment = await shop.sign(EMBED, TEXT)
    signature = payment["payload"]["signature"]
    change(payment)
    with shop.watched.free_of_charge(signature):
        answer = await shop.pay(EMBED, TEXT, payment)
    error = check_error(answer, 400, "invalid_request")
    assert error["param"] == "PAYMENT-SIGNATURE"


async def test_both_headers_are_one_too_many(shop: Shop) -> None:
    payment = encoded(await shop.sign(EMBED, TEXT))
    with shop.watched.free_of_charge(payment):
        answer = await shop.send(EMBED, TEXT, payment_signature=payment, x_payment=payment)
    check_error(answer, 400, "invalid_request")


async def test_two_payments_are_one_too_many(shop: Shop) -> None:
    payment = encoded(await shop.sign(EMBED, TEXT))
    headers = [("payment-signature", payment)] * 2
    with shop.watched.free_of_charge(payment):
        async with shop.client() as client:
            answer = await client.post(EMBED, json=TEXT, headers=headers)
    check_error(answer, 400, "invalid_request")


# --- payments that do not pay for this


OTHER = "0x" + "11" * 20
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": (
        {"valid_before": int(time.time()) - 1},
        "invalid_exact_evm_payload_authorization_valid_before",
    ),
    "about to expire": (
        {"valid_before": int(time.time()) + 60},
        "invalid_exact_evm_payload_authorization_valid_before",
    ),
    "not valid yet": (
        {"valid_after": int(time.time()) + 3600, "valid_before": int(time.time()) + 7200},
        "invalid_exact_evm_payload_authorization_valid_after",
    ),
    "for too little": (
        {"value_atomic": 0},
        "invalid_exact_evm_payload_authorization_value_mismatch",
    ),
    "for too much": (
        {"value_atomic": 99_999},
        "invalid_exact_evm_payload_authorization_value_mismatch",
    ),
    "to somebody else": ({"payee": OTHER}, "invalid_exact_evm_payload_recipient_mismatch"),
    "of somebody else": ({"sender": OTHER}, "invalid_exact_evm_payload_signature"),
    "another kind of permission": (
        {"primary_type": "ReceiveWithAuthorization"},
        "invalid_exact_evm_payload_signature",
    ),
}


@pytest.mark.parametrize(("changes", "reason"), FORGED.values(), ids=FORGED)
async def test_a_payment_on_other_terms_is_refused(
    shop: Shop, changes: dict[str, Any], reason: str
) -> None:
    payment = await shop.forge(EMBED, TEXT, **changes)
    before = await shop.wallet_atomic()
    with shop.watched.free_of_charge(payment["payload"]["signature"]) as lines:
        answer = await shop.pay(EMBED, TEXT, payment)
    check_error(answer, 402, "payment_invalid")
    challenge = decoded(answer.headers["payment-required"])
    assert challenge["error"] == reason
    assert challenge["accepts"]
    assert lines[0]["outcome"] == "payment_invalid"
    assert await shop.wallet_atomic() == before


CLAIMED = {
    "another amount": _set("accepted", "amount", to="1000000"),
    "another payee": _set("accepted", "payTo", to=OTHER),
    "another asset": _set("accepted", "asset", to=OTHER),
    "another network": _set("accepted", "network", to="eip155:8453"),
    "another scheme": _set("accepted", "scheme", to="upto"),
    "another flow": _set("accepted", "extra", to={"paymentFlow": "upfront"}),
    "a longer time": _set("accepted", "maxTimeoutSeconds", to=10**6),
    "another resource": _set("resource", to={"url": "http://elsewhere.example/v1/embeddings"}),
    "a flipped signature": lambda payment: payment["payload"].update(
        signature=payment["payload"]["signature"][:-4] + "0000"
    ),
    "another nonce": _set(*_SIGNED, "nonce", to="0x" + "22" * 32),
    "another value": _set(*_SIGNED, "value", to="1000000"),
    "no signature": _set("payload", "signature", to="0x00"),
    "a contract's signature": _set("payload", "signature", to="0x" + "64" * 200),
}


@pytest.mark.parametrize("change", CLAIMED.values(), ids=CLAIMED)
async def test_what_a_payment_claims_is_not_believed(
    shop: Shop, change: Callable[[dict[str, Any]], None]
) -> None:
    signed = await shop.sign(EMBED, TEXT)
    payment = copy.deepcopy(signed)
    change(payment)
    with shop.watched.free_of_charge():
        answer = await shop.pay(EMBED, TEXT, payment)
    check_error(answer, 402, "payment_invalid")
    assert (await shop.pay(EMBED, TEXT, signed)).status_code == 200  # it was not spent by that


async def test_a_payment_for_another_resource_is_refused_and_stays_good(shop: Shop) -> None:
    payment = await shop.sign(EMBED, TEXT)
    with shop.watched.free_of_charge():
        answer = await shop.pay(CHAT, QUESTION, payment)
    check_error(answer, 402, "payment_invalid")
    assert decoded(answer.headers["payment-required"])["error"] == "resource_mismatch"
    assert (await shop.pay(EMBED, TEXT, payment)).status_code == 200


async def test_a_payment_for_a_cheaper_body_is_refused(shop: Shop) -> None:
    payment = await shop.sign(CHAT, QUESTION)
    with shop.watched.free_of_charge():
        answer = await shop.pay(CHAT, QUESTION | {"max_tokens": 500}, payment)
    check_error(answer, 402, "payment_invalid")


async def test_a_payment_after_the_run_buys_no_stream(shop: Shop) -> None:
    payment = await shop.sign(CHAT, QUESTION)
    with shop.watched.free_of_charge():
        answer = await shop.pay(CHAT, QUESTION | {"stream": True}, payment)
    check_error(answer, 402, "payment_invalid")


async def test_an_empty_wallet_buys_nothing(shop: Shop) -> None:
    poor = shop.as_another(*new_wallet())
    for body in (QUESTION, QUESTION | {"stream": True}):
        payment = await poor.sign(CHAT, body)
        with shop.watched.free_of_charge(payment["payload"]["signature"]):
            answer = await poor.pay(CHAT, body, payment)
        check_error(answer, 402, "payment_invalid")
        assert decoded(answer.headers["payment-required"])["error"].endswith("insufficient_balance")
    assert shop.watched.payments(poor.payer.address) == []


# --- payments that were used


async def test_sent_again_it_gets_the_stored_answer_and_pays_nothing(shop: Shop) -> None:
    payment = await shop.sign(CHAT, QUESTION)
    first = await shop.pay(CHAT, QUESTION, payment)
    before, atomic = shop.watched.money(), await shop.wallet_atomic()
    for _ in range(3):
        again = await shop.pay(CHAT, QUESTION, payment)
        assert again.status_code == 200, again.text
        assert again.json() == first.json()
        for name in ("x-batchin-run-id", "payment-response", "x-vaas-signature"):
            assert again.headers[name] == first.headers[name]
    assert shop.watched.money() == before
    assert await shop.wallet_atomic() == atomic


async def test_a_stream_sent_again_says_the_same_and_pays_nothing(shop: Shop) -> None:
    body = QUESTION | {"stream": True}
    payment = await shop.sign(CHAT, body)
    first = await shop.pay(CHAT, body, payment)
    atomic = await shop.wallet_atomic()
    again = await shop.pay(CHAT, body, payment)
    assert _text(again) == _text(first)
    assert _vaas(again) == _vaas(first)
    told = decoded(again.headers["payment-response"])
    assert told.pop("extensions")["offer-receipt"]["info"]["receipt"]  # no head of a stream can have it
    assert told == decoded(first.headers["payment-response"])
    assert again.headers["x-batchin-run-id"] == first.headers["x-batchin-run-id"]
    assert await shop.wallet_atomic() == atomic


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (EMBED, TEXT | {"input": "the quick brown dog"}),
        (EMBED, TEXT | {"encoding_format": "base64"}),
        (CHAT, QUESTION),
        (CHAT, QUESTION | {"stream": True}),
    ],
)
async def test_once_used_it_buys_nothing_else(shop: Shop, path: str, body: dict[str, Any]) -> None:
    payment = await shop.sign(EMBED, TEXT)
    assert (await shop.pay(EMBED, TEXT, payment)).status_code == 200
    with shop.watched.free_of_charge():
        answer = await shop.pay(path, body, payment)
    check_error(answer, 409, "payment_reused")
    assert "payment-required" not in answer.headers  # a client that sees one pays again


async def test_it_may_be_used_again_when_its_call_was_refused(shop: Shop) -> None:
    body = QUESTION | {"messages": [{"role": "user", "content": "word " * 5_000}]}
    payment = await shop.sign(CHAT, body)
    with shop.watched.free_of_charge():
        answer = await shop.pay(CHAT, body, payment)
    check_error(answer, 400, "context_length_exceeded")
    with shop.watched.free_of_charge():
        again = await shop.pay(CHAT, body, payment)
    check_error(again, 400, "context_length_exceeded")


async def test_used_twice_at_once_it_runs_once(shop: Shop) -> None:
    payment = await shop.sign(CHAT, LONG)
    answers = await _at_once(shop, [shop.pay(CHAT, LONG, payment) for _ in range(2)])
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    for answer in answers:
        if answer.status_code == 409:
            check_error(answer, 409, "payment_reused")
            assert "payment-required" not in answer.headers


async def test_many_at_once_are_one_run_and_one_transaction(shop: Shop) -> None:
    another = shop.as_another(*new_wallet())
    await _fund(another, 1_000_000)
    payment = await another.sign(CHAT, LONG)
    before = shop.watched.metrics()
    limits = httpx.Limits(max_connections=USES)
    async with shop.client(limits=limits, headers={"payment-signature": encoded(payment)}) as client:
        answers = await _at_once(shop, [client.post(CHAT, json=LONG) for _ in range(USES)])
    statuses = Counter(answer.status_code for answer in answers)
    turned_away = {503} if USES > 200 else set()  # more than the door lets in at once
    assert {200, 409} <= set(statuses) <= {200, 409} | turned_away, statuses
    runs = {answer.headers["x-batchin-run-id"] for answer in answers if answer.status_code == 200}
    assert len(runs) == 1
    codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"payment_reused"}
    completed = 'batchin_calls_total{outcome="completed",rail="x402",tool="chat"}'
    after = shop.watched.metrics()
    assert after[completed] - before.get(completed, 0) == 1
    (row,) = shop.watched.payments(another.payer.address)
    assert row.state == "settled"
    assert {row.run_id} == runs
    assert 1_000_000 - await another.wallet_atomic() == row.amount_atomic
    used = shop.watched.rows("SELECT count(*) FROM usage WHERE run_id = ?", row.run_id)
    assert used == [(1,)]
    print(
        f"{USES} at once: {statuses[200]} answered with the one run, {statuses[409]} told so, "
        f"{statuses[503]} turned away"
    )


@pytest.mark.parametrize("state", ["running", "settling"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_payer_who_left_comes_again_and_has_paid_once(
    shop: Shop, state: str, stream: bool
) -> None:
    another = shop.as_another(*new_wallet())
    await _fund(another, 1_000_000)
    body = LONG | {"stream": stream}
    payment = await another.sign(CHAT, body)
    header = b"PAYMENT-SIGNATURE: " + encoded(payment).encode()
    with connected(shop.watched.server) as connection:
        connection.sendall(request(CHAT, orjson.dumps(body), header))
        await _until_state(another, state)
    answer = await _until_answered(another, body, payment)
    (row,) = shop.watched.payments(another.payer.address)
    assert 1_000_000 - await another.wallet_atomic() == row.amount_atomic
    if answer.status_code == 200:
        assert answer.headers["x-batchin-run-id"] == row.run_id
        assert row.state == "settled"
    else:  # paid before a run that nobody waited for: it is told, and the money is there
        check_error(answer, 409, "payment_reused")
        assert (stream, row.state) == (True, "credited")
        token = await another.wallet_token()
        assert decoded(answer.headers["payment-response"])["transaction"] == row.transaction
        spent = await another.send(CHAT, body, authorization=f"Bearer {token}")
        assert spent.status_code == 200


# --- who brings a key, and who speaks version 1


async def test_a_key_without_balance_is_shown_the_challenge_and_pays(shop: Shop) -> None:
    account = shop.watched.ask("accounts.create", name=f"poor {time.monotonic_ns()}")["id"]
    key = shop.watched.ask("keys.create", account=account)["key"]
    asked = await shop.send(EMBED, TEXT, authorization=f"Bearer {key}")
    check_error(asked, 402, "payment_required")
    challenge = decoded(asked.headers["payment-required"])
    PaymentRequired.model_validate(challenge)
    payment = await shop.wallet.pay(challenge)
    answer = await shop.send(
        EMBED, TEXT, authorization=f"Bearer {key}", payment_signature=encoded(payment)
    )
    assert answer.status_code == 200, answer.text
    await check_paid(shop, answer)
    assert shop.watched.money().accounts[account] == (0, 0)


async def test_a_payment_beside_a_key_with_balance_is_what_pays(shop: Shop) -> None:
    payment = await shop.sign(EMBED, TEXT)
    key = shop.watched.server.api_key
    before = shop.watched.money().accounts
    answer = await shop.send(
        EMBED, TEXT, authorization=f"Bearer {key}", payment_signature=encoded(payment)
    )
    await check_paid(shop, answer)
    after = shop.watched.money().accounts
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed <= {f"wallet:{NETWORK}:{shop.payer.address.lower()}"}


async def test_a_version_1_client_reads_the_challenge_in_the_body_and_pays(shop: Shop) -> None:
    asked = await shop.send(EMBED + "?x402=1", TEXT)
    assert asked.status_code == 402
    challenge = PaymentRequiredV1.model_validate(asked.json())
    assert challenge.x402_version == 1
    assert isinstance(challenge.error, str)
    (offer,) = challenge.accepts
    assert offer.resource == shop.url + EMBED
    signed = await shop.forge(EMBED, TEXT)
    assert signed["payload"]["authorization"]["value"] == offer.max_amount_required
    payment = {
        "x402Version": 1,
        "scheme": offer.scheme,
        "network": offer.network,
        "payload": signed["payload"],
    }
    answer = await shop.send(EMBED, TEXT, x_payment=encoded(payment))
    assert answer.status_code == 200, answer.text
    await check_paid(shop, answer)


async def test_a_version_1_payment_that_is_refused_is_told_in_version_1(shop: Shop) -> None:
    signed = await shop.forge(EMBED, TEXT, value_atomic=0)
    payment = {"x402Version": 1, "scheme": "exact", "network": NETWORK, "payload": signed["payload"]}
    with shop.watched.free_of_charge():
        answer = await shop.send(EMBED, TEXT, x_payment=encoded(payment))
    assert answer.status_code == 402
    challenge = PaymentRequiredV1.model_validate(answer.json())
    assert challenge.error == "invalid_exact_evm_payload_authorization_value_mismatch"


async def test_what_is_asked_for_is_what_a_quote_says(shop: Shop) -> None:
    challenge = await shop.challenge(EMBED, TEXT)
    async with shop.client() as client:
        quoted = await client.post(
            "/v1/quote", json={"model": "bge-m3", "estimated_input_tokens": len(TEXT["input"]) + 8}
        )
    (price,) = [rail for rail in quoted.json()["rails"] if rail["rail"] == "x402"]
    assert challenge["accepts"][0]["amount"] == price["amount"]
    nano = round(float(quoted.json()["amount_usd"]) * 1e9)
    assert int(price["amount"]) == max(1, math.ceil(nano / 1000))


async def _fund(shop: Shop, atomic: int) -> None:
    from settlement.chain.funding import fund

    await fund(shop.watched.server.rpc_url, shop.payer.address, atomic)


async def _at_once(
    shop: Shop, calls: Sequence[Coroutine[Any, Any, httpx.Response]]
) -> list[httpx.Response]:
    """All answers; the engine says nothing before one caller was told that another's call runs."""
    with frozen(child_of(shop.watched.server, CHAT_ENGINE)):
        sent = [asyncio.create_task(call) for call in calls]
        for ended in asyncio.as_completed(sent):
            if (await ended).status_code == 409:
                break
    return await asyncio.gather(*sent)


async def _until_state(shop: Shop, state: str) -> None:
    """Until the wallet's payment is there or beyond."""
    order = ["reserved", "running", "done", "settling", "paid", "settled", "credited"]
    wanted = set(order[order.index(state) :]) if state != "running" else {*order} - {"reserved"}
    deadline = time.monotonic() + 60
    while not [row for row in shop.watched.payments(shop.payer.address) if row.state in wanted]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


async def _until_answered(shop: Shop, body: Any, payment: Any) -> httpx.Response:
    """Send the same until it is not in progress any more."""
    deadline = time.monotonic() + 60
    while True:
        answer = await shop.pay(CHAT, body, payment)
        if answer.status_code != 409 or "in progress" not in answer.json()["error"]["message"]:
            return answer
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def _chunks(answer: httpx.Response) -> list[dict[str, Any]]:
    lines = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return [orjson.loads(line.removeprefix("data: ")) for line in lines]


def _text(answer: httpx.Response) -> str:
    return "".join(c["choices"][0]["delta"].get("content", "") for c in _chunks(answer) if c["choices"])


def _vaas(answer: httpx.Response) -> dict[str, Any]:
    (vaas,) = [chunk["vaas"] for chunk in _chunks(answer) if "vaas" in chunk]
    assert vaas["record_id"] == record_id_of(answer.headers["x-batchin-run-id"])
    return dict(vaas)
