"""Top-ups by Alipay: a signed payment page, and the notifications that tell what was paid.

RSA2 (SHA-256 with RSA, PKCS #1 v1.5) over the sorted parameters, as the open platform documents it.
Amounts are yuan with two decimals. Not yet run against the live service.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from base.errors import InvalidRequest
from settlement.topups.order import Event, Order, Paid, Refunded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

SOURCE: Final = "alipay"
CURRENCY: Final = "cny"
_CHINA: Final = timezone(timedelta(hours=8))
_UNSIGNED: Final = frozenset({"sign", "sign_type"})
_PAID: Final = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
_LOCALES: Final = {"zh-CN": "额度充值", "zh-HK": "額度增值"}
LOCALES: Final = tuple(_LOCALES)


@dataclass(frozen=True, slots=True)
class Alipay:
    """``private_key`` signs for the app, ``public_key`` is Alipay's, both PEM. ``seller_id`` is whom
    notifications must name."""

    app_id: str
    seller_id: str
    private_key: str = field(repr=False)
    public_key: str
    gateway: str
    notify_url: str
    return_url: str

    def checkout_url(self, order: Order, locale: str, now_ms: int) -> str:
        """The page where an order is paid; signed here, nothing is asked of Alipay."""
        content = {
            "out_trade_no": order.id,
            "total_amount": _yuan(order.amount_minor),
            "subject": _LOCALES[locale],
            "product_code": "FAST_INSTANT_TRADE_PAY",
        }
        at = datetime.fromtimestamp(now_ms // 1000, _CHINA)
        parameters = {
            "app_id": self.app_id,
            "method": "alipay.trade.page.pay",
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": at.strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "notify_url": self.notify_url,
            "return_url": self.return_url,
            "biz_content": orjson.dumps(content).decode(),
        }
        signed = {**parameters, "sign": _sign(_private(self.private_key), _text(parameters, {"sign"}))}
        return f"{self.gateway}?{urlencode(signed)}"

    def event(self, form: Mapping[str, str]) -> Event | None:
        """What a notification tells; None when no money moved.

        Raises InvalidRequest for what Alipay did not sign, and for what is of another app or seller.
        """
        self._verify(form)
        if form.get("app_id") != self.app_id or form.get("seller_id") != self.seller_id:
            raise InvalidRequest("The notification is of another app or seller.", param="app_id")
        if form.get("trade_status") not in _PAID:
            return None
        trade = form.get("trade_no", "")
        if "gmt_refund" in form and "refund_fee" in form:
            return Refunded(trade, _fen(form["refund_fee"]))
        return Paid(
            order_id=form.get("out_trade_no", ""),
            session_id=session_id_of(form.get("out_trade_no", "")),
            payment_id=trade,
            currency=CURRENCY,
            amount_minor=_fen(form.get("total_amount", "")),
        )

    def _verify(self, form: Mapping[str, str]) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            signature = base64.b64decode(form.get("sign", ""), validate=True)
            text = _text(form, _UNSIGNED).encode()
            _public(self.public_key).verify(signature, text, PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            raise InvalidRequest(
                "The signature does not fit.",
                param="sign",
                resolution="Only Alipay calls this address; check its public key in the settings.",
            ) from None


def session_id_of(order_id: str) -> str:
    """Alipay has no sessions: the order's id stands for one."""
    return f"alipay_{order_id}"


def _text(parameters: Mapping[str, str], without: "frozenset[str] | set[str]") -> str:
    """What is signed: all parameters that have a value, sorted by name."""
    chosen = sorted((name, value) for name, value in parameters.items() if name not in without and value)
    return "&".join(f"{name}={value}" for name, value in chosen)


def _sign(key: "RSAPrivateKey", text: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def _private(pem: str) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(pem.encode(), None)
    return key  # type: ignore[no-any-return] # the settings checked that it is RSA


def _public(pem: str) -> "RSAPublicKey":
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key: Any = load_pem_public_key(pem.encode())
    return key  # type: ignore[no-any-return] # the settings checked that it is RSA


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(yuan: str) -> int:
    """Raises InvalidRequest for what is no amount of yuan with at most two decimals."""
    whole, _, decimals = yuan.partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12 and len(decimals) <= 2):
        raise InvalidRequest("The amount is malformed.", param="total_amount")
    if decimals and not (decimals.isascii() and decimals.isdigit()):
        raise InvalidRequest("The amount is malformed.", param="total_amount")
    return int(whole) * 100 + int(decimals.ljust(2, "0"))
