"""Checks of the figures: usage times price, bounds of the charge, the settlement, the order of times."""

from typing import Final

from base.money import NANO_PER_ATOMIC
from base.pricing import PriceCard
from base.usage import Usage
from settlement.evidence.bundle import (
    BundleShape,
    EvidencePayloadShape,
    ReceiptPayloadShape,
)
from settlement.evidence.verdict import Findings
from settlement.rail import RunStatus

_X402: Final = "x402"
_STATUSES: Final = frozenset(status.value for status in RunStatus)


def check_money(findings: Findings, shape: BundleShape) -> None:
    record = shape.evidence.payload
    receipt = shape.receipt.receipt_payload if shape.receipt else None
    findings.add("price_arithmetic", _price_problem(record))
    findings.add("charge_bounds", _charge_problem(record))
    if receipt is not None:
        findings.add("settlement_arithmetic", _settlement_problem(record, receipt))
    findings.add("times", _time_problem(record, receipt))


def _price_problem(record: EvidencePayloadShape) -> str:
    try:
        usage = Usage(**{name: int(count) for name, count in record.usage})
    except ValueError:
        return "A count of the usage is none that a call can have."
    if usage.cached_tokens > usage.input_tokens:
        return "More tokens were cached than sent."
    prices = {name: int(price) for name, price in record.price if name != "version"}
    card = PriceCard(record.price.version, **prices)
    cost = card.cost_nano_usd(usage)
    expected = 0 if record.status == RunStatus.FAILED else min(cost, int(record.quoted_max_nano_usd))
    charged = int(record.charged_nano_usd)
    return "" if charged == expected else f"charged_nano_usd is {charged}, usage x price is {expected}."


def _charge_problem(record: EvidencePayloadShape) -> str:
    if record.status not in _STATUSES:
        return "status should be completed, partial or failed."
    charged = int(record.charged_nano_usd)
    if charged > int(record.quoted_max_nano_usd):
        return "More was charged than was quoted."
    unit = NANO_PER_ATOMIC if record.rail == _X402 else 1
    if charged > int(record.max_amount) * unit:
        return "More was charged than the payer authorized."
    return ""


def _settlement_problem(record: EvidencePayloadShape, receipt: ReceiptPayloadShape) -> str:
    charged, settled = int(receipt.charged_nano_usd), int(receipt.settled_atomic)
    credit = int(receipt.credit_nano_usd)
    if record.rail == _X402 and not (charged or settled or credit or receipt.transaction):
        return ""  # the payment was refused in the end: nothing moved, nothing is charged
    if charged != int(record.charged_nano_usd):
        return "The receipt charges another amount than the evidence."
    if record.rail != _X402:
        moved = settled or credit or receipt.transaction
        return f"Nothing moves on chain on the rail {record.rail!r}." if moved else ""
    if settled > int(record.max_amount):
        return "More was settled than the payer authorized."
    if settled * NANO_PER_ATOMIC != charged + credit:
        return "What was settled is not the charge and the credit together."
    if bool(settled) != bool(receipt.transaction):
        return "A settlement and its transaction go together."
    return ""


def _time_problem(record: EvidencePayloadShape, receipt: ReceiptPayloadShape | None) -> str:
    times = [record.started_at_ms, record.ended_at_ms, record.issued_at_ms]
    if receipt is not None:
        times.append(receipt.issued_at_ms)
    return "" if times == sorted(times) else "The times of the call are out of order."
