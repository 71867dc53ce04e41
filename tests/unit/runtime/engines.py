"""Engines over a scripted server, and calls for them."""

from typing import Any

from runtime.engine import EngineCall, Event, Modality, Started
from runtime.flavours import Flavour, LlamaCpp, OpenAi
from runtime.http.message import Limits
from runtime.openai_http import OpenAiHttp
from runtime.sglang.flavour import SgLang

LIMITS = Limits(connect_s=1, first_byte_s=0.3, between_bytes_s=0.15)
SALT_KEY = b"k" * 32
HELLO = [{"role": "user", "content": "hello"}]


def over(url: str, flavour: Flavour, limits: Limits = LIMITS) -> OpenAiHttp:
    return OpenAiHttp(
        url, flavour, lambda call, _: Started(call.model, "", flavour.name, ""), limits, "key"
    )


def openai(url: str) -> OpenAiHttp:
    return over(url, OpenAi())


def sglang(url: str) -> OpenAiHttp:
    return over(url, SgLang(SALT_KEY, {"shared": 0, "batch": -10}))


def llama(url: str, system: str | None = None) -> OpenAiHttp:
    return over(url, LlamaCpp(system))


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
