"""The wire shape of an x402 payment's status, and its operation."""

from typing import Literal

from pydantic import BaseModel, Field

from base.errors import NotFound
from manifests.operation import JSON, Operation, Param, Reply


class PaymentReport(BaseModel):
    """Where a payment stands. ``amount`` is in atomic units of ``asset``; ``final`` says that nothing
    changes any more."""

    id: str = Field(description="The run id.")
    object: Literal["payment"]
    status: Literal[
        "reserved",
        "running",
        "done",
        "settling",
        "pending",
        "paid",
        "settled",
        "failed",
        "credited",
        "lost",
        "repaid",
        "forgiven",
    ]
    final: bool
    message: str
    record_id: str
    tool: str
    network: str = Field(description="CAIP-2 chain id.")
    asset: str
    payer: str
    amount: str
    charged_usd: str
    credit_usd: str = Field(description="What stayed as the wallet's credit.")
    transaction: str | None
    reason: str | None
    created_at: int = Field(description="Unix time in seconds.")
    updated_at: int = Field(description="Unix time in seconds.")


def payment_operation() -> Operation:
    """For payers whose answer did not come."""
    return Operation(
        "GET",
        "/v1/payments/{id}",
        "getPayment",
        "Where an x402 payment stands",
        description="By the run id of the paid call (X-BatchIn-Run-Id), or its record or audit id.",
        tag="payments",
        params=(Param("id", "path", "Run id, record id or audit id.", required=True),),
        replies={200: Reply("The payment.", {JSON: PaymentReport})},
        errors=(NotFound,),
    )
