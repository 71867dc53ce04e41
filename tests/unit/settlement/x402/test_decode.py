"""Payment headers and payloads: read strictly, refused with the header and the member named."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from x402.http.utils import encode_payment_signature_header
from x402.schemas import PaymentPayload

from base.errors import InvalidRequest
from settlement.x402.decode import payment_from_headers
from settlement.x402.errors import PaymentMalformed
from tests.unit.settlement.x402.house import MCP, House, Payer, order, paid_order, run

INNER: dict[str, Any] = {
    "signature": "0x" + "ab" * 65,
    "authorization": {
        "from": "0x" + "11" * 20,
        "to": "0x" + "22" * 20,
        "value": "28",
        "validAfter": "0",
        "validBefore": "1900000000",
        "nonce": "0x" + "cd" * 32,
    },
}
V2: dict[str, Any] = {"x402Version": 2, "accepted": {"scheme": "exact"}, "payload": INNER}
V1: dict[str, Any] = {"x402Version": 1, "scheme": "exact", "network": "base", "payload": INNER}


def header(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def changed(**members: Any) -> dict[str, Any]:
    return {**V2, "payload": {**INNER, "authorization": {**INNER["authorization"], **members}}}


def test_both_versions_are_read() -> None:
    assert payment_from_headers(None, None) is None
    assert payment_from_headers(header(V2), None) == V2
    assert payment_from_headers(None, header(V1)) == V1


async def test_the_official_header_is_read(house: House, payer: Payer) -> None:
    signed = (await paid_order(house, payer)).payment
    sent = encode_payment_signature_header(PaymentPayload.model_validate(signed))
    payment = payment_from_headers(sent, None)
    assert payment == signed
    await run(house, order(payment))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "not base64!",
        "e30",
        base64.urlsafe_b64encode(b'{"a":"\xff\xfe\xfb\xef"}').decode(),
        base64.b64encode(b"not json").decode(),
        header([]),
        header("text"),
        header(None),
        header({}),
        header({**V2, "x402Version": 3}),
        header({**V2, "x402Version": "2"}),
        header({**V2, "x402Version": True}),
        header({**V2, "accepted": None}),
        header({**V2, "payload": {}}),
        header({**V2, "payload": {**INNER, "signature": 5}}),
        header({**V2, "payload": {**INNER, "signature": "0xabc"}}),
        header(changed(value=28)),
        header(changed(value="-1")),
        header(changed(value="1e3")),
        header(changed(value="028")),
        header(changed(value="9" * 30)),
        header(changed(validBefore=1900000000)),
        header(changed(nonce="0x12")),
        header(changed(nonce="0x" + "cd" * 32 + "\n")),
        header(changed(**{"from": "0x" + "1" * 39})),
        header(changed(to=None)),
        header({**V1, "network": 1}),
        header({"pad": "x" * 20_000, **V2}),
        base64.b64encode(b"[" * 9_000).decode(),
    ],
)
def test_what_is_no_payment_is_refused_by_name(value: str) -> None:
    with pytest.raises(PaymentMalformed, match="PAYMENT-SIGNATURE") as refused:
        payment_from_headers(value, None)
    assert (refused.value.status, refused.value.code) == (400, "invalid_request")
    with pytest.raises(PaymentMalformed, match="X-PAYMENT"):
        payment_from_headers(None, value)


def test_two_payments_are_one_too_many() -> None:
    with pytest.raises(PaymentMalformed):
        payment_from_headers(header(V2), header(V1))


def test_the_member_is_named() -> None:
    with pytest.raises(PaymentMalformed, match=r"payload\.authorization\.nonce"):
        payment_from_headers(header(changed(nonce="0x")), None)


async def test_a_malformed_payment_over_mcp_is_refused_too(house: House) -> None:
    with pytest.raises(PaymentMalformed, match=r"_meta\.x402/payment"):
        await house.rail.authorize(order({"x402Version": 2}, resource=MCP))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode()))
def test_no_text_breaks_the_reader(value: str) -> None:
    with pytest.raises(InvalidRequest):
        payment_from_headers(value, None)
