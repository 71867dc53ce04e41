"""What a wallet signs to sign in: an EIP-4361 message in the fields of CAIP-122, as the x402 extension
sign-in-with-x carries it in base64 of JSON."""

import base64
import binascii
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from settlement.chain.keccak import keccak256

EXTENSION: Final = "sign-in-with-x"
HEADER: Final = "SIGN-IN-WITH-X"
PATH: Final = "/v1/sign-in"
_MOST_BYTES: Final = 16_384
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"  # a field with a line break could pass for another field
_Line = Annotated[str, Field(pattern=_LINE, max_length=512)]


class Malformed(ValueError):
    """The proof is no sign-in-with-x payload; the message says why."""


class SignInMessage(BaseModel):
    """One sign-in: the fields of the message, and its signature."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    domain: _Line
    address: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    statement: _Line | None = None
    uri: _Line
    version: _Line
    chain_id: str = Field(alias="chainId", pattern=r"^eip155:[1-9][0-9]{0,18}$")
    type: Literal["eip191"]
    nonce: str = Field(pattern=r"^[A-Za-z0-9]{8,128}$")
    issued_at: _Line = Field(alias="issuedAt")
    expiration_time: _Line | None = Field(None, alias="expirationTime")
    not_before: _Line | None = Field(None, alias="notBefore")
    request_id: _Line | None = Field(None, alias="requestId")
    resources: list[_Line] | None = Field(None, max_length=16)
    signature: str = Field(pattern=r"^0x([0-9a-fA-F]{2}){1,4096}$")

    @classmethod
    def from_header(cls, header: str) -> Self:
        """Raises Malformed."""
        if len(header) > _MOST_BYTES:
            raise Malformed(f"it is longer than {_MOST_BYTES} bytes")
        try:
            return cls.model_validate_json(base64.b64decode(header, validate=True))
        except binascii.Error:
            raise Malformed("it is not base64") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the JSON"
            raise Malformed(f"{where}: {first['msg']}") from None

    def text(self) -> str:
        """The message in the ABNF of EIP-4361, which is what wallets show and sign."""
        lines = [
            f"{self.domain} wants you to sign in with your Ethereum account:",
            self.address,
            "",
            *((self.statement,) if self.statement is not None else ()),
            "",
            f"URI: {self.uri}",
            f"Version: {self.version}",
            f"Chain ID: {self.chain_id.removeprefix('eip155:')}",
            f"Nonce: {self.nonce}",
            f"Issued At: {self.issued_at}",
        ]
        if self.expiration_time is not None:
            lines.append(f"Expiration Time: {self.expiration_time}")
        if self.not_before is not None:
            lines.append(f"Not Before: {self.not_before}")
        if self.request_id is not None:
            lines.append(f"Request ID: {self.request_id}")
        if self.resources is not None:
            lines += ["Resources:", *(f"- {resource}" for resource in self.resources)]
        return "\n".join(lines)

    def digest(self) -> bytes:
        """What the key signs (EIP-191, version 0x45)."""
        text = self.text().encode()
        return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)
