"""The wire shapes and operations of sign-in with a wallet."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from base.errors import InvalidRequest, ServiceUnavailable, SignInRefused
from manifests.account import LABEL
from manifests.operation import JSON, Operation, Param, Reply

_PATH = "/v1/sign-in"
_PROOF = Param(
    "SIGN-IN-WITH-X",
    "header",
    "Base64 of JSON: the challenge's info with chainId, type, address and signature.",
    required=True,
)
_REQUEST_ID = ("X-Request-Id",)


class SignInInfo(BaseModel):
    """The fields of the message (CAIP-122) that the wallet signs as EIP-4361 text."""

    domain: str
    uri: str
    statement: str
    version: Literal["1"]
    nonce: str = Field(description="Good for one sign-in.")
    issuedAt: str  # noqa: N815 - the names are CAIP-122's
    expirationTime: str  # noqa: N815


class SignInChain(BaseModel):
    """A chain whose wallets may sign in, and how they sign."""

    chainId: str = Field(description="CAIP-2.")  # noqa: N815
    type: Literal["eip191"]


class SignInExtension(BaseModel):
    """The x402 extension ``sign-in-with-x`` as a challenge carries it."""

    info: SignInInfo
    supportedChains: list[SignInChain]  # noqa: N815


class SignInExtensions(BaseModel):
    """Extensions by name."""

    model_config = ConfigDict(populate_by_name=True)

    sign_in_with_x: SignInExtension = Field(alias="sign-in-with-x")


class SignInChallenge(BaseModel):
    """What is to be signed."""

    object: Literal["sign_in.challenge"]
    extensions: SignInExtensions


class SignInRequest(BaseModel):
    """What is wanted beside the token; the body may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key_name: str | None = Field(
        None, pattern=LABEL, description="Make an API key that spends the wallet's credit, named so."
    )


class SignedInWallet(BaseModel):
    """The wallet is signed in: ``access_token`` is its Bearer until ``expires_at`` (Unix seconds).
    ``api_key`` is null unless one was asked for, and shown here alone."""

    object: Literal["sign_in"]
    network: str
    wallet: str
    token_type: Literal["Bearer"]
    access_token: str
    expires_at: int
    api_key: str | None


def sign_in_operations() -> tuple[Operation, ...]:
    """A signature in place of a key, for what the wallet owns."""
    return (
        Operation(
            "GET",
            _PATH,
            "getSignInChallenge",
            "What a wallet signs to sign in",
            description="Sign its info as an EIP-4361 message within 5 minutes.",
            tag="account",
            replies={200: Reply("The challenge.", {JSON: SignInChallenge}, _REQUEST_ID)},
        ),
        Operation(
            "POST",
            _PATH,
            "signIn",
            "Sign in with a wallet",
            description=(
                "The signed challenge for the wallet's token: it opens the files, batches, "
                "stored responses, tasks and usage that the wallet paid for, and spends its credit. "
                "With a key_name, an API key too. A signature is taken once."
            ),
            tag="account",
            params=(_PROOF,),
            request=SignInRequest,
            replies={200: Reply("The token.", {JSON: SignedInWallet}, _REQUEST_ID)},
            errors=(InvalidRequest, SignInRefused, ServiceUnavailable),
        ),
    )
