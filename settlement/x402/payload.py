"""An x402 payment as its payer sent it, version 1 or 2: read strictly, kept as it was signed."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
)

from settlement.x402.errors import PaymentMalformed
from settlement.x402.extensions import EIP2612, IDENTIFIER


def _fits_a_word(decimal: str) -> str:
    if int(decimal) >> 256:
        raise ValueError("Value should be less than 2**256")
    return decimal


_Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
_Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,17})$")]
_Seconds = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,17})$")]
_Nonce = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]
_Signature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){1,4096}$")]
_PlainSignature = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{130}$")]
_Uint256 = Annotated[
    str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$"), AfterValidator(_fits_a_word)
]
_Identifier = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{16,128}$")]
_PERMIT2: Final = "permit2Authorization"


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


class TokenPermissions(_Sent):
    """What Permit2 may take: at most ``amount`` of one token."""

    token: _Address
    amount: _Amount


class Witness(_Sent):
    """What the payer adds to its permit: the payee, and for scheme ``upto`` who settles."""

    to: _Address
    valid_after: _Seconds = Field(alias="validAfter")
    facilitator: _Address | None = None


class Permit2Authorization(_Sent):
    """The members of a ``PermitWitnessTransferFrom`` (Permit2) in x402's JSON."""

    payer: _Address = Field(alias="from")
    permitted: TokenPermissions
    spender: _Address
    nonce: _Uint256
    deadline: _Seconds
    witness: Witness


class TokenPermit(_Sent):
    """The ``info`` of the extension eip2612GasSponsoring: a ``Permit`` (EIP-2612) for Permit2."""

    payer: _Address = Field(alias="from")
    asset: _Address
    spender: _Address
    amount: _Amount
    nonce: _Uint256
    deadline: _Seconds
    signature: _PlainSignature


class Permit2(_Sent):
    """The payload of the schemes ``exact`` and ``upto`` with Permit2, and the token permit that its
    extension carries."""

    signature: _Signature
    authorization: Permit2Authorization = Field(alias=_PERMIT2)
    token_permit: TokenPermit | None = Field(None, alias=EIP2612)


def _kind(payload: Any) -> str:
    if isinstance(payload, Exact | Permit2):
        return "permit2" if isinstance(payload, Permit2) else "eip3009"
    return "permit2" if isinstance(payload, Mapping) and _PERMIT2 in payload else "eip3009"


Signed = Annotated[
    Annotated[Exact, Tag("eip3009")] | Annotated[Permit2, Tag("permit2")], Discriminator(_kind)
]
_SIGNED: Final[TypeAdapter[Exact | Permit2]] = TypeAdapter(Signed)
_TAGS: Final = frozenset({"eip3009", "permit2"})


class Resource(_Sent):
    """What a challenge asked for, as the payer repeats it."""

    url: str


class PaymentV2(_Sent):
    """x402 version 2: the payer repeats the entry of ``accepts`` that was chosen, and may repeat the
    resource."""

    version: Literal[2] = Field(alias="x402Version")
    accepted: dict[str, Any]
    payload: Signed
    resource: Resource | None = None
    identifier: _Identifier | None = None


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
    try:
        if version == 1:
            return PaymentV1.model_validate(dict(data))
        return PaymentV2.model_validate(_with_extensions(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        member = ".".join(str(part) for part in first["loc"] if part not in _TAGS)
        raise PaymentMalformed(f"{param}: {member}: {first['msg']}.", param=param) from None


def signed_from(text: str) -> Exact | Permit2:
    """What a payer signed, from the JSON that was kept of it."""
    return _SIGNED.validate_json(text)


def _with_extensions(data: Mapping[str, Any]) -> dict[str, Any]:
    """The payment with what its extensions say in their places; an extension that is merely repeated
    from the challenge says nothing."""
    extensions = data.get("extensions")
    told = extensions if isinstance(extensions, Mapping) else {}
    payment = {**data, "identifier": _info(told, IDENTIFIER).get("id")}
    permit, payload = _info(told, EIP2612), data.get("payload")
    if isinstance(payload, Mapping):
        token_permit = permit if "signature" in permit else None
        payment["payload"] = {**payload, EIP2612: token_permit}
    return payment


def _info(extensions: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    extension = extensions.get(name)
    info = extension.get("info") if isinstance(extension, Mapping) else None
    return info if isinstance(info, Mapping) else {}
