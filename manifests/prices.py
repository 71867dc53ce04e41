"""What tools cost, told in one way everywhere."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from base.settings import Settings
from manifests.facts import Facts, ModelFact
from tools.core import AnyTool
from tools.credits import CREDIT, MOST_CENTS
from tools.image import MAX_PICTURES

_MTOK = 1_000_000
_ATOMIC_PER_USD = 1_000_000
_BATCHED = frozenset({"chat", "embedding", "rerank", "classify"})
_UNITS = {
    "speech": "character",
    "transcription": "second of sound",
    "image": "image",
    "video": "second of video",
    CREDIT: "dollar of balance",
}
_BOUGHT = {"dollar_of_balance": "1"}


def models_of(tool: AnyTool, facts: Facts) -> list[ModelFact]:
    """The models that a tool can run; a priced tool that runs none stands for itself."""
    if tool.card is not None:
        other = _BOUGHT if tool.modality == CREDIT else tool.card.other_usd()
        return [ModelFact(tool.name, tool.modality, "0", "0", 0, "", tool.name, other)]
    wanted = _BATCHED if tool.modality == "batch" else {tool.modality}
    return [model for model in facts.models if model.modality in wanted]


def tool_price(tool: AnyTool, facts: Facts) -> dict[str, Any]:
    """The price member of a tool: free, or USD per million tokens by model."""
    if tool.quote is None:
        return {"free": True}
    return {
        "free": False,
        "currency": "USD",
        "unit": "1M tokens",
        "models": [_model_price(model) for model in models_of(tool, facts)],
    }


def paid_per(tool: AnyTool) -> str:
    """The unit that a paid tool counts."""
    return _UNITS.get(tool.modality, "character" if tool.card else "token")


def payment_info(tool: AnyTool, facts: Facts, settings: Settings) -> dict[str, Any]:
    """``x-payment-info`` of a paid OpenAPI operation (draft-payment-discovery-00, AgentCash form).

    The maximum holds for the largest body that the server accepts; the challenge names the exact one.
    """
    least = facts.payment.min_charge_atomic if facts.payment else 0
    return {
        "price": {
            "mode": "dynamic",
            "currency": "USD",
            "min": atomic_usd(least),
            "max": _plain(_largest(models_of(tool, facts), settings)),
        },
        "protocols": [{"x402": {}}] if facts.payment else [],
    }


def atomic_usd(amount_atomic: int) -> str:
    """Atomic USDC as an exact decimal string of dollars."""
    return _plain(Decimal(amount_atomic) / _ATOMIC_PER_USD)


def _model_price(model: ModelFact) -> dict[str, str]:
    return {
        "model": model.id,
        "input": model.input_usd_per_mtok,
        "output": model.output_usd_per_mtok,
        **{f"per_{unit}": price for unit, price in model.other.items()},
    }


def _largest(models: Sequence[ModelFact], settings: Settings) -> Decimal:
    """No tokenizer makes more tokens than bytes, and no choice is longer than the context."""
    costs = [
        Decimal(model.input_usd_per_mtok) * settings.max_body_bytes
        + Decimal(model.output_usd_per_mtok) * model.context_length * 8
        + Decimal(model.other.get("million_characters", 0)) * settings.max_body_bytes
        + Decimal(model.other.get("second", 0)) * Decimal(settings.max_audio_s) * _MTOK
        + Decimal(model.other.get("image", 0)) * MAX_PICTURES * _MTOK
        + Decimal(model.other.get("dollar_of_balance", 0)) * MOST_CENTS * _MTOK // 100
        for model in models
    ]
    return max(costs, default=Decimal(0)) / _MTOK


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
