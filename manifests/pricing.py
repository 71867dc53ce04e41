"""/v1/pricing: what every tool costs, and how it can be paid."""

from typing import Any

from base.settings import Settings
from manifests.document import Document, json_document
from manifests.facts import Facts
from manifests.prices import atomic_usd, tool_price
from tools.core import Registry

ROUNDING = (
    "A call costs (input tokens x input price + output tokens x output price) / 1,000,000, pictures, "
    "seconds of sound and characters of spoken text likewise, rounded up once to a nano-dollar, and "
    "never more than its quote. One x402 payment is the quoted maximum, rounded up to a millionth of a "
    "USDC; what the call did not use stays as the wallet's credit."
)


def pricing(registry: Registry, facts: Facts, settings: Settings) -> Document:
    """The document. Prices are exact decimal strings."""
    return json_document(
        {
            "object": "pricing",
            "currency": "USD",
            "unit": "1M tokens",
            "rounding": ROUNDING,
            "tools": [
                {"name": tool.name, "title": tool.title, "price": tool_price(tool, facts)}
                for tool in registry
            ],
            "models": [
                {
                    "id": model.id,
                    "modality": model.modality,
                    "input": model.input_usd_per_mtok,
                    "output": model.output_usd_per_mtok,
                    **{f"per_{unit}": price for unit, price in model.other.items()},
                    "context_length": model.context_length,
                    "license": model.license,
                    "served_by": model.served_by,
                }
                for model in facts.models
            ],
            "rails": [{"rail": "balance", "unit": "USD", "how": "Authorization: Bearer <API_KEY>"}]
            + ([x402_terms(facts)] if facts.payment else []),
            "access_token_ttl_s": settings.access_token_ttl_s if facts.payment else None,
            "quote": f"{facts.base_url}/v1/quote",
        }
    )


def x402_terms(facts: Facts) -> dict[str, Any]:
    """The terms of the x402 rail that hold for every call; a challenge adds the amount."""
    payment = facts.payment
    if payment is None:
        raise ValueError("there are no terms of a rail that is off")
    return {
        "rail": "x402",
        "x402_version": 2,
        "schemes": list(payment.schemes),
        "network": payment.network,
        "asset": payment.asset,
        "asset_name": payment.asset_name,
        "pay_to": payment.pay_to,
        "min_charge_atomic": str(payment.min_charge_atomic),
        "min_charge_usd": atomic_usd(payment.min_charge_atomic),
        "networks": [
            {
                "network": each.network,
                "asset": each.asset,
                "pay_to": each.pay_to,
                "min_charge_atomic": str(each.min_charge_atomic),
                "schemes": list(each.schemes),
            }
            for each in payment.each
        ],
    }
