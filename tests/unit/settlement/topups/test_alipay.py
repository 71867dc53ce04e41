"""Pages that Alipay can check, and notifications that only Alipay can have signed."""

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from base.errors import InvalidRequest
from settlement.topups.alipay import Alipay
from settlement.topups.order import Order, Paid, Refunded, State
from tests.unit.settlement.topups.conftest import key_pair

APP, THEIRS = key_pair(), key_pair()
ALIPAY = Alipay(
    app_id="2021000000000001",
    seller_id="2088000000000001",
    private_key=APP.private,
    public_key=THEIRS.public,
    gateway="https://openapi.alipay.com/gateway.do",
    notify_url="https://agents.example/v1/topup/alipay/notify",
    return_url="https://agents.example/",
)
ORDER = Order(
    "order-1", "a1", "alipay", "alipay_order-1", "", "cny", 5_005, 7 * 10**9, 0, State.PENDING, 0, None
)
NOTICE = {
    "app_id": ALIPAY.app_id,
    "seller_id": ALIPAY.seller_id,
    "out_trade_no": "order-1",
    "trade_no": "2026112422001",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "50.05",
    "subject": "额度充值",
    "empty": "",
    "sign_type": "RSA2",
}


def noticed(private: str = THEIRS.private, **changed: str) -> dict[str, str]:
    """A notification, signed as Alipay signs."""
    form = {**NOTICE, **changed}
    kept = sorted((k, v) for k, v in form.items() if v and k not in ("sign", "sign_type"))
    text = "&".join(f"{name}={value}" for name, value in kept)
    key: Any = load_pem_private_key(private.encode(), None)
    return {**form, "sign": base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()}


def test_a_page_is_signed_by_the_app() -> None:
    url = urlsplit(ALIPAY.checkout_url(ORDER, "zh-CN", 1_769_900_400_000))
    told = dict(parse_qsl(url.query, strict_parsing=True))
    signature = base64.b64decode(told.pop("sign"))
    text = "&".join(f"{name}={value}" for name, value in sorted(told.items())).encode()
    key: Any = load_pem_public_key(APP.public.encode())
    key.verify(signature, text, PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(signature, text + b"0", PKCS1v15(), SHA256())
    content = orjson.loads(told["biz_content"])
    assert (content["out_trade_no"], content["total_amount"]) == ("order-1", "50.05")
    assert told["timestamp"] == "2026-02-01 07:00:00"
    assert told["method"] == "alipay.trade.page.pay"


def test_a_notification_is_a_payment() -> None:
    assert ALIPAY.event(noticed()) == Paid("order-1", "alipay_order-1", "2026112422001", "cny", 5_005)
    assert ALIPAY.event(noticed(trade_status="WAIT_BUYER_PAY")) is None
    refund = noticed(gmt_refund="2026-11-24 10:00:00", refund_fee="20.5")
    assert ALIPAY.event(refund) == Refunded("2026112422001", 2_050)


FORGED: dict[str, dict[str, str]] = {
    "not signed": NOTICE,
    "signed by somebody else": noticed(APP.private),
    "another amount": {**noticed(), "total_amount": "5000.00"},
    "another order": {**noticed(), "out_trade_no": "order-2"},
    "one field more": {**noticed(), "gmt_refund": "now"},
    "one field less": {k: v for k, v in noticed().items() if k != "trade_no"},
    "a signature that is none": {**noticed(), "sign": "%%%"},
    "another app": noticed(app_id="2021000000000002"),
    "another seller": noticed(seller_id="2088000000000002"),
    "an amount that is none": noticed(total_amount="1e5"),
    "an amount with three decimals": noticed(total_amount="50.055"),
}


@pytest.mark.parametrize("form", FORGED.values(), ids=FORGED)
def test_what_alipay_did_not_sign_for_us_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        ALIPAY.event(form)


def test_its_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(replace(ALIPAY, return_url="https://other.example"))
