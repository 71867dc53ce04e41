"""Engines over a scripted server, and calls for them."""

from typing import Any

from runtime.engine import EngineCall, Event, Modality, Started
from runtime.flavours import Flavour, LlamaCpp, OpenAi
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp
from runtime.sglang.flavour import SgLang

PATIENT = Limits(connect_s=60, first_byte_s=60, between_bytes_s=60)
HASTY = Limits(connect_s=60, first_byte_s=0.3, between_bytes_s=0.15)
"""For engines that say nothing. Nothing that comes is tested with it: a busy machine is later."""
SALT_KEY = b"k" * 32
HELLO = [{"role": "user", "content": "hello"}]


def over(url: str, flavour: Flavour, limits: Limits = PATIENT) -> OpenAiHttp:
    return OpenAiHttp(
        url, flavour, lambda call, _: Started(call.model, "", flavour.name, ""), limits, "key"
    )


def openai(url: str, limits: Limits = PATIENT) -> OpenAiHttp:
    return over(url, OpenAi(), limits)


def sglang(url: str) -> OpenAiHttp:
    return over(url, SgLang(SALT_KEY, {"shared": 0, "batch": -10}))


def llama(url: str, system: str | None = None, limits: Limits = PATIENT) -> OpenAiHttp:
    return over(url, LlamaCpp(system), limits)


def chat_call(
    rid: str = "run_1", tenant: str = "acct_1", lane: str = "shared", **body: Any
) -> EngineCall:
    fields = {"messages": HELLO, "max_tokens": 6, **body}
    return EngineCall(rid, Modality.CHAT, "tiny-qwen3", fields, tenant, lane)


def embed_call(*texts: str) -> EngineCall:
    return EngineCall("run_1", Modality.EMBEDDING, "tiny", {"input": list(texts)}, "acct_1")


async def events_of(engine: OpenAiHttp, call: EngineCall) -> list[Event]:
    """All events of one call; the engine is closed afterwards."""
    try:
        async with engine.run(call) as events:
            return [event async for event in events]
    finally:
        await engine.aclose()
