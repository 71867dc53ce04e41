"""The person's part: the official openai SDK with an API key, plain, streamed, and embeddings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from server.client import is_loopback
from server.demo.amounts import short, usd
from server.demo.host import Host
from server.demo.transcript import Transcript

_ACCOUNT: Final = "demo visitor"
_LEAST_NANO_USD: Final = 50_000_000
SENTENCES: Final = (
    "A cat is sleeping on the sofa.",
    "The kitten takes a nap on the couch.",
    "The central bank raised interest rates again.",
)


@dataclass(frozen=True, slots=True)
class Customer:
    """An account of the server with a key and a balance, as its operator made them."""

    account_id: str
    key_id: str
    key: str


async def enroll(out: Transcript, host: Host) -> Customer:
    """The operator's part, through the admin socket: an account with a balance, and a key for today."""
    accounts = await host.office.call("accounts.list")
    account = next((a for a in accounts if a["name"] == _ACCOUNT and a["kind"] == "account"), None)
    if account is None:
        account = await host.office.call("accounts.create", name=_ACCOUNT)
    missing = _LEAST_NANO_USD - account["balance_nano_usd"]
    if missing > 0:
        reference = f"demo:{account['id']}:{account['balance_nano_usd']}"
        await host.office.call(
            "accounts.credit", account=account["id"], amount_nano_usd=missing, reference=reference
        )
    made = await host.office.call("keys.create", account=account["id"], name=_ACCOUNT, days=1)
    out.facts(
        {
            "Account": f"{_ACCOUNT} ({account['id']})",
            "Key": f"{made['key_prefix']}...  (revoked when the demo ends)",
            "Balance": usd(await balance(host, account["id"])),
        }
    )
    return Customer(account["id"], made["id"], made["key"])


async def dismiss(host: Host, customer: Customer) -> None:
    """Revoke the demo's key."""
    await host.office.call("keys.revoke", key_id=customer.key_id)


async def balance(host: Host, account_id: str) -> int:
    """The posted balance of an account in nano-USD."""
    accounts = await host.office.call("accounts.list")
    return int(next(a["balance_nano_usd"] for a in accounts if a["id"] == account_id))


def sdk(host: Host, customer: Customer) -> AsyncOpenAI:
    """The SDK as its users set it up: a base URL and a key."""
    return AsyncOpenAI(
        base_url=f"{host.url}/v1",
        api_key=customer.key,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(trust_env=not is_loopback(host.url)),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as the SDK's user holds it, and the id of its record."""

    record_id: str
    body: Mapping[str, Any]


async def ask_plainly(out: Transcript, client: AsyncOpenAI, request: Mapping[str, Any]) -> Said:
    """``client.chat.completions.create(...)``."""
    with out.waiting("The model is thinking ..."):
        answer = await client.chat.completions.create(**cast("Any", request))
    text = answer.choices[0].message.content or ""
    out.quote("Person", str(request["messages"][0]["content"]))
    out.quote(answer.model, text)
    out.check("the answer is not empty", bool(text.strip()))
    usage = answer.usage
    counted = usage is not None and usage.completion_tokens > 0
    out.check("its tokens are counted", counted, f"{usage.total_tokens} in all" if usage else "")
    record_id = _record_id(answer.model_extra)
    out.check("it carries its signed evidence", bool(record_id), short(record_id))
    return Said(record_id, answer.model_dump(mode="json"))


async def ask_streamed(out: Transcript, client: AsyncOpenAI, request: Mapping[str, Any]) -> Said:
    """``stream=True``: the words as they come."""
    words: list[str] = []
    record_id, finish_reason = "", None
    out.quote("Person", str(request["messages"][0]["content"]))
    stream = await client.chat.completions.create(**cast("Any", request), stream=True)
    with out.speaking(str(request["model"])) as speak:
        async for chunk in stream:
            word = chunk.choices[0].delta.content
            if word:
                words.append(word)
                speak(word)
            finish_reason = chunk.choices[0].finish_reason or finish_reason
            record_id = _record_id(chunk.model_extra) or record_id
    out.check("it came in pieces", len(words) > 1, f"{len(words)} of them")
    out.check("the last one carries the signed evidence", bool(record_id), short(record_id))
    message = {"role": "assistant", "content": "".join(words)}
    return Said(
        record_id, {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}
    )


def embedding(model: str) -> dict[str, Any]:
    """The body of an embeddings call, with the format that the SDK would else choose itself."""
    return {"model": model, "input": list(SENTENCES), "encoding_format": "float"}


async def embed(out: Transcript, client: AsyncOpenAI, request: Mapping[str, Any]) -> Said:
    """Embed three sentences: the two that mean the same are nearest."""
    answer = await client.embeddings.create(**cast("Any", request))
    vectors = [item.embedding for item in answer.data]
    for number, sentence in enumerate(SENTENCES, 1):
        out.say(f"{number}  {sentence}")
    near = [[_cosine(a, b) for b in vectors] for a in vectors]
    columns = ("", *(str(number) for number in range(1, len(SENTENCES) + 1)))
    rows = [(str(n), *(f"{value:.3f}" for value in row)) for n, row in enumerate(near, 1)]
    out.table(columns, rows, numbers=len(SENTENCES))
    out.check("three vectors of one length", len({len(v) for v in vectors}) == 1 and len(vectors) == 3)
    held = near[0][1] > max(near[0][2], near[1][2])
    out.check("1 and 2 say the same and are nearest; 3 is about something else", held)
    return Said(_record_id(answer.model_extra), answer.model_dump(mode="json"))


def _record_id(extra: Mapping[str, Any] | None) -> str:
    """Of the ``vaas`` member, which the SDK passes on as an extra; "" where there is none."""
    vaas = (extra or {}).get("vaas")
    signed = isinstance(vaas, Mapping) and vaas.get("signature")
    return str(vaas["record_id"]) if isinstance(vaas, Mapping) and signed else ""


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b))
