"""An x402 payment as its payer sent it, version 1 or 2: read strictly, kept as it was signed."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from settlement.x402.errors import PaymentMalformed

_Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
_Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,17})$")]
_Seconds = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,17})$")]
_Nonce = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]
_Signature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){1,4096}$")]


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", populate_by_name=True)


class Eip3009(_Sent):
    """The members of a ``TransferWithAuthorization`` (EIP-3009) in x402's JSON: integers as decimals."""

    payer: _Address = Field(alias="from")
    payee: _Address = Field(alias="to")
    value: _Amount
    valid_after: _Seconds = Field(alias="validAfter")
    valid_before: _Seconds = Field(alias="validBefore")
    nonce: _Nonce


class Exact(_Sent):
    """The payload of scheme ``exact`` with EIP-3009."""

    signature: _Signature
    authorization: Eip3009

    def as_json(self) -> dict[str, Any]:
        """Just what was signed, in x402's own spelling."""
        return self.model_dump(by_alias=True)


class Resource(_Sent):
    """What a challenge asked for, as the payer repeats it."""

    url: str


class PaymentV2(_Sent):
    """x402 version 2: the payer repeats the entry of ``accepts`` that was chosen, and may repeat the
    resource."""

    version: Literal[2] = Field(alias="x402Version")
    accepted: dict[str, Any]
    payload: Exact
    resource: Resource | None = None


class PaymentV1(_Sent):
    """x402 version 1: the payer names the scheme and the network only."""

    version: Literal[1] = Field(alias="x402Version")
    scheme: str
    network: str
    payload: Exact


Payment = PaymentV1 | PaymentV2


def payment_from(data: Mapping[str, Any], param: str) -> Payment:
    """Read a decoded payment; ``param`` says where it stood. Raises PaymentMalformed."""
    version = data.get("x402Version")
    if type(version) is not int or version not in (1, 2):
        raise PaymentMalformed(f"{param}: x402Version should be 1 or 2.", param=param)
    model: type[PaymentV1 | PaymentV2] = PaymentV1 if version == 1 else PaymentV2
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        member = ".".join(str(part) for part in first["loc"])
        raise PaymentMalformed(f"{param}: {member}: {first['msg']}.", param=param) from None
