"""The models that an attached server says it has."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from runtime.engine import Modality, Started
from runtime.flavours import Flavour
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp

MODELS_PATH: Final = "/v1/models"
_PATIENCE_S: Final = 5.0  # a server that hangs does not keep ours from starting


@dataclass(frozen=True, slots=True)
class Listed:
    """One model. ``context`` is None where the server does not tell it."""

    id: str
    modality: Modality
    context: int | None


async def listed_models(
    url: str, flavour: Flavour, limits: Limits, api_key: str | None
) -> Sequence[Listed]:
    """What ``GET /v1/models`` of a server lists; empty when it can't be asked."""
    http = OpenAiHttp(url, flavour, lambda call, _: Started(call.model, "", "", ""), limits, api_key)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            rows = listed(await http.get(MODELS_PATH))
            modality = flavour.listed_modality(await facts_of(http, flavour)) if rows else Modality.CHAT
    except TimeoutError:
        return []
    finally:
        await http.aclose()
    return [Listed(name, modality, context) for name, context in rows.items()]


def listed(body: bytes | None) -> dict[str, int | None]:
    """Context length by id; empty for what can't be understood."""
    try:
        rows = orjson.loads(body or b"{}").get("data") or []
        return {str(row["id"]): _length(row.get("max_model_len")) for row in rows}
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return {}


async def facts_of(http: OpenAiHttp, flavour: Flavour) -> Mapping[str, Any]:
    """What a server tells of itself; without what can't be understood."""
    facts: dict[str, Any] = {}
    for path in flavour.about_paths:
        try:
            facts |= orjson.loads(await http.get(path) or b"{}")
        except (orjson.JSONDecodeError, TypeError, ValueError):
            continue
    return facts


def _length(told: Any) -> int | None:
    return told if isinstance(told, int) and told > 0 else None
