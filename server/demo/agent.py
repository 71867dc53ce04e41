"""The agent's part over MCP: find a tool, be asked for money, pay, be answered, spend what is left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import mcp_types as types
from mcp import Client

from server.demo.amounts import short, usd, usdc
from server.demo.transcript import StepFailed, Transcript
from server.demo.wallet import Wallet

PROTOCOL: Final = "2026-07-28"
PAYMENT: Final = "x402/payment"
PAYMENT_RESPONSE: Final = "x402/payment-response"
CHARGE: Final = "batchin/charge"
EVIDENCE: Final = "batchin/evidence"
RECEIPT: Final = "batchin/receipt"
SERVED_MODEL: Final = "batchin/served_model"
"""Members of ``_meta`` as agents.md documents them."""


@dataclass(frozen=True, slots=True)
class Found:
    """What discovery told: the chat and the embedding model that can be called now."""

    chat_model: str
    embedding_model: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's price for one request, in wire form and in the terms that the agent weighs."""

    wire: Mapping[str, Any]
    pay_to: str
    amount_atomic: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A paid answer and everything that came with it. ``payment`` is what the agent signed, None when
    credit paid; ``settlement`` the x402 SettleResponse."""

    request: Mapping[str, Any]
    output: Mapping[str, Any]
    evidence: Mapping[str, Any]
    receipt: Mapping[str, Any]
    charged_nano_usd: int
    credit_nano_usd: int
    payment: Mapping[str, Any] | None
    settlement: Mapping[str, Any] | None

    @property
    def text(self) -> str:
        return str(self.output["choices"][0]["message"]["content"])


def question(model: str, text: str, max_tokens: int) -> dict[str, Any]:
    """Arguments of the chat tool: greedy, so that a run can be compared with the next."""
    return {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": max_tokens,
        "temperature": 0,
    }


async def discover(out: Transcript, client: Client) -> Found:
    """Who is there, what it can do, what that costs."""
    server = client.server_info
    out.facts(
        {
            "Server": f"{server.name} {server.version}" if server else "(it does not say)",
            "Protocol": f"MCP {client.protocol_version}",
        }
    )
    tools = (await client.list_tools()).tools
    out.table(("tool", "price", "what it does"), [_tool_row(tool) for tool in tools])
    out.check("the connection speaks the current protocol", client.protocol_version == PROTOCOL)
    missing = _NEEDED - {tool.name for tool in tools}
    out.check("chat, embed, models, quote and verify are offered", not missing, _words(missing))
    listed = await client.call_tool("models", {})
    models = (listed.structured_content or {}).get("data", [])
    found = Found(_first(models, "chat"), _first(models, "embedding"))
    out.check("a chat model can be called now", bool(found.chat_model), found.chat_model)
    out.check("an embedding model can be called now", bool(found.embedding_model), found.embedding_model)
    return found


async def be_challenged(out: Transcript, client: Client, request: Mapping[str, Any]) -> Challenge:
    """Call without a key and without money: the answer is a price."""
    result = await client.call_tool("chat", dict(request))
    wire = result.structured_content or {}
    out.check("the tool does not run: the result is an x402 challenge", _is_challenge(result))
    offer = next(offer for offer in wire["accepts"] if offer["scheme"] == "exact")
    challenge = Challenge(wire, offer["payTo"], int(offer["amount"]))
    out.facts(
        {
            "For": wire["resource"]["url"],
            "Price": f"at most {usdc(challenge.amount_atomic)} (scheme {offer['scheme']})",
            "To": challenge.pay_to,
            "On": offer["network"],
            "Valid": f"{offer['maxTimeoutSeconds']} s",
        }
    )
    return challenge


async def pay(
    out: Transcript, client: Client, wallet: Wallet, request: Mapping[str, Any], challenge: Challenge
) -> Answer:
    """Sign the challenge and call again with the payment."""
    payment = await wallet.pay(challenge.wire)
    signed = payment["payload"]["authorization"]
    out.facts(
        {
            "Signed": usdc(int(signed["value"])),
            "From": signed["from"],
            "To": signed["to"],
            "Nonce": short(signed["nonce"]),
        }
    )
    meta = cast("types.RequestParamsMeta", {PAYMENT: payment})
    with out.waiting("The model is thinking, the chain is settling ..."):
        result = await client.call_tool("chat", dict(request), meta=meta)
    out.check("the payment is accepted and the tool runs", not result.is_error, _reason(result))
    answer = _answer(request, result, payment)
    out.quote("Agent", str(request["messages"][0]["content"]))
    out.quote((result.meta or {})[SERVED_MODEL], answer.text)
    out.check("the answer is not empty", bool(answer.text.strip()))
    out.facts(_cost(answer))
    out.check("what was not used stays as the wallet's credit", answer.credit_nano_usd > 0)
    return answer


async def spend_credit(
    out: Transcript, client: Client, request: Mapping[str, Any], before_nano_usd: int
) -> Answer:
    """Call as the wallet that signed in: no payment, no transaction, words as they come.

    ``client`` carries its token; ``before_nano_usd`` is the credit that the first answer left.
    """
    out.quote("Agent", str(request["messages"][0]["content"]))
    words: list[str] = []
    with out.speaking("Model") as speak:

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            if message:
                words.append(message)
                speak(message)

        result = await client.call_tool("chat", dict(request), progress_callback=hear)
    out.check("the credit pays: no payment, no transaction", not result.is_error, _reason(result))
    answer = _answer(request, result, None)
    out.check("the words that came one by one are the answer", "".join(words) == answer.text)
    out.check("the record names the credit as the rail", answer.evidence["payload"]["rail"] == "credit")
    left = before_nano_usd - answer.charged_nano_usd
    out.facts(
        {
            "Credit before": usd(before_nano_usd),
            "Charged": usd(answer.charged_nano_usd),
            "Credit left": usd(left),
        }
    )
    out.check("it cost something, and not more than there was", 0 <= left < before_nano_usd)
    return answer


_NEEDED: Final = frozenset(("chat", "embed", "models", "quote", "verify"))


def _tool_row(tool: types.Tool) -> tuple[str, str, str]:
    price = (tool.meta or {}).get("price", {})
    about = (tool.description or "").split(". ")[0].rstrip(".")
    return tool.name, _price(price), about


def _price(price: Mapping[str, Any]) -> str:
    if price.get("free"):
        return "free"
    models = price.get("models", [])
    lowest = min(models, key=lambda model: float(model["input"]), default=None)
    if lowest is None:
        return "no engine"
    if float(lowest["output"]) == 0:
        return f"${lowest['input']} per {price['unit']}"
    return f"${lowest['input']} in, ${lowest['output']} out per {price['unit']}"


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _first(models: Sequence[Mapping[str, Any]], modality: str) -> str:
    return next((m["id"] for m in models if m["modality"] == modality and m["available"]), "")


def _is_challenge(result: types.CallToolResult) -> bool:
    content = result.structured_content or {}
    return bool(result.is_error and content.get("x402Version") == 2 and content.get("accepts"))


def _reason(result: types.CallToolResult) -> str:
    """Why a call failed: our error's message, or the reason in a new challenge."""
    if not result.is_error:
        return ""
    content = result.structured_content or {}
    error = content.get("error")
    return str(error.get("message")) if isinstance(error, dict) else str(error)


def _answer(
    request: Mapping[str, Any], result: types.CallToolResult, payment: Mapping[str, Any] | None
) -> Answer:
    meta = result.meta or {}
    missing = [name for name in (CHARGE, EVIDENCE, RECEIPT) if name not in meta]
    if missing or result.structured_content is None:
        raise StepFailed(f"the result lacks {', '.join(missing) or 'structuredContent'}")
    charge = meta[CHARGE]
    return Answer(
        request=request,
        output=result.structured_content,
        evidence=meta[EVIDENCE],
        receipt=meta[RECEIPT],
        charged_nano_usd=charge["charged_nano_usd"],
        credit_nano_usd=charge["credit_nano_usd"],
        payment=payment,
        settlement=meta.get(PAYMENT_RESPONSE),
    )


def _cost(answer: Answer) -> dict[str, str]:
    usage = answer.output["usage"]
    return {
        "Tokens": f"{usage['prompt_tokens']} in, {usage['completion_tokens']} out",
        "Cost": usd(answer.charged_nano_usd),
        "Credit": f"{usd(answer.credit_nano_usd)} stays with the agent",
    }
