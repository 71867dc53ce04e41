"""The wire shapes that every door answers with beside tool outputs: errors and x402 challenges."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ErrorDetail(BaseModel):
    """What is wrong (``message``), where (``param``) and what to do next (``resolution``)."""

    code: str
    message: str
    type: str
    param: str | None
    resolution: str


class Error(BaseModel):
    """The call failed; nothing was charged unless the message says so."""

    error: ErrorDetail


class PaidResource(BaseModel):
    """What a payment pays for."""

    model_config = ConfigDict(extra="allow")

    url: str
    description: str | None = None
    mimeType: str | None = None  # noqa: N815 (the wire's name)


class PaymentRequirements(BaseModel):
    """One way to pay: sign it with an x402 client and call again with the payment."""

    model_config = ConfigDict(extra="allow")

    scheme: str
    network: str = Field(description="CAIP-2 chain id.")
    amount: str = Field(description="Most that may be charged, in atomic units of the asset.")
    asset: str = Field(description="Address of the token.")
    payTo: str = Field(description="Address that is paid.")  # noqa: N815 (the wire's name)
    maxTimeoutSeconds: int  # noqa: N815 (the wire's name)
    extra: dict[str, Any] | None = None


class PaymentRequired(BaseModel):
    """The x402 challenge (x402 version 2): the tool did not run and nothing was charged."""

    model_config = ConfigDict(extra="allow")

    x402Version: Literal[2]  # noqa: N815 (the wire's name)
    error: str | None = None
    resource: PaidResource
    accepts: list[PaymentRequirements]
    extensions: dict[str, Any] | None = None


class PaymentRequirementsV1(BaseModel):
    """One way to pay, as x402 version 1 spells it."""

    model_config = ConfigDict(extra="allow")

    scheme: str
    network: str
    maxAmountRequired: str  # noqa: N815 (the wire's name)
    resource: str
    asset: str
    payTo: str  # noqa: N815 (the wire's name)
    maxTimeoutSeconds: int  # noqa: N815 (the wire's name)


class PaymentRequiredV1(BaseModel):
    """The challenge in the body of a 402, for requests that carry X-PAYMENT."""

    x402Version: Literal[1]  # noqa: N815 (the wire's name)
    error: str
    accepts: list[PaymentRequirementsV1]
