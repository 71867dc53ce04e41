"""What a facilitator of somebody else is sent: an authorization with its terms (x402 version 2)."""

from typing import Any, Final

from settlement.chain.permit2 import PERMIT2, UPTO_PROXY
from settlement.x402.extensions import EIP2612
from settlement.x402.facilitator import Approval, Authorization, Scheme
from settlement.x402.sale import Asset

_TIMEOUT_S: Final = 300
_VERSION: Final = "1"


def request_of(authorization: Authorization, asset: Asset, amount_atomic: int) -> dict[str, Any]:
    """The body of /verify and /settle. ``amount_atomic`` is what is asked for: of scheme ``upto`` all
    that was signed when it is verified, what moves when it is settled."""
    requirements: dict[str, Any] = {
        "scheme": authorization.scheme.value,
        "network": authorization.network,
        "asset": authorization.asset,
        "payTo": authorization.payee,
        "maxTimeoutSeconds": _TIMEOUT_S,
        "extra": _extra(authorization, asset),
    }
    payment: dict[str, Any] = {
        "x402Version": 2,
        "accepted": {**requirements, "amount": str(authorization.value_atomic)},
        "payload": {"signature": "0x" + authorization.signature.hex(), **_signed(authorization)},
    }
    if authorization.approval is not None:
        info = _approval(authorization, authorization.approval)
        payment["extensions"] = {EIP2612: {"info": info}}
    return {
        "x402Version": 2,
        "paymentPayload": payment,
        "paymentRequirements": {**requirements, "amount": str(amount_atomic)},
    }


def _extra(authorization: Authorization, asset: Asset) -> dict[str, str]:
    named = {"name": asset.name, "version": asset.version}
    if authorization.scheme is not Scheme.UPTO:
        return named
    return {
        **named,
        "assetTransferMethod": "permit2",
        "facilitatorAddress": authorization.facilitator,
    }


def _signed(authorization: Authorization) -> dict[str, Any]:
    if authorization.scheme is Scheme.UPTO:
        return {"permit2Authorization": _permit(authorization)}
    signed = {
        "from": authorization.payer,
        "to": authorization.payee,
        "value": str(authorization.value_atomic),
        "validAfter": str(authorization.valid_after),
        "validBefore": str(authorization.valid_before),
        "nonce": authorization.nonce,
    }
    return {"authorization": signed}


def _permit(authorization: Authorization) -> dict[str, Any]:
    return {
        "from": authorization.payer,
        "permitted": {"token": authorization.asset, "amount": str(authorization.value_atomic)},
        "spender": UPTO_PROXY,
        "nonce": str(int(authorization.nonce, 16)),
        "deadline": str(authorization.valid_before),
        "witness": {
            "to": authorization.payee,
            "facilitator": authorization.facilitator,
            "validAfter": str(authorization.valid_after),
        },
    }


def _approval(authorization: Authorization, approval: Approval) -> dict[str, str]:
    return {
        "from": authorization.payer,
        "asset": authorization.asset,
        "spender": PERMIT2,
        "amount": str(approval.value_atomic),
        "nonce": str(approval.nonce),
        "deadline": str(approval.deadline),
        "signature": "0x" + approval.signature.hex(),
        "version": _VERSION,
    }
