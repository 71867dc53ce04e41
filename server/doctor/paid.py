"""Paid operations: each answers a call without key and payment with a valid x402 challenge."""

import base64
import binascii
import io
import wave
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
from pydantic import ValidationError

from manifests.wire import PaymentRequired
from server.doctor.finding import Finding, found, skipped
from server.doctor.mcp_door import offer_of
from server.doctor.site import Json, Site, json_of

_UNAVAILABLE = frozenset(("engine_not_configured", "rail_not_configured"))
_FORM = "multipart/form-data"
_EDITS = "/v1/images/edits"
_DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


async def paid_operations(site: Site) -> AsyncIterator[Finding]:
    """Call every operation with ``x-payment-info``, with the example of its own documentation."""
    published = await site.json("/.well-known/x402") or {}
    for path, operation in site.operations("post"):
        payment = operation.get("x-payment-info")
        if payment is None or "{" in path:
            continue
        what = f"POST {path} without key asks for money in a valid way"
        if not payment.get("protocols"):
            yield skipped(what, "x402 is off on this server")
            continue
        response = await _called(site, path, operation)
        if response is None:
            yield found(what, False, "its documentation has no example body")
            continue
        finding = _judged(what, response, published.get("payment", {}))
        yield finding
        sold, told = not finding.is_skipped, site.base + path in published.get("resources", ())
        if sold is not told:
            seen = f"sold: {sold}, named: {told}"
            yield found(f"/.well-known/x402 names {path} while it is sold", False, seen)


async def _called(site: Site, path: str, operation: Json) -> httpx2.Response | None:
    if _FORM in operation.get("requestBody", {}).get("content", {}):
        return await _sent_form(site.http, path)
    example = _example(operation)
    return None if example is None else await site.http.post(path, json=example)


async def _sent_form(http: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """A tenth of a second of silence, or a dot, for the first model that the path is said to serve."""
    catalog = json_of(await http.get("/v1/models"))
    models = catalog.get("data", []) if isinstance(catalog, dict) else []
    serving = [entry["id"] for entry in models if path in entry.get("endpoints", ())]
    if path == _EDITS:  # a server whose models change no pictures says so of any of them
        serving += [entry["id"] for entry in models if entry.get("modality") == "image"]
    model = next(iter(serving), "none")
    if path == _EDITS:
        asked = {"model": model, "prompt": "a hat"}
        return await http.post(path, data=asked, files={"image": ("dot.png", _DOT, "image/png")})
    sound = ("silence.wav", _silence(), "audio/wav")
    return await http.post(path, data={"model": model}, files={"file": sound})


def _silence() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 1_600))
    return written.getvalue()


def _judged(what: str, response: httpx2.Response, terms: Json) -> Finding:
    body = json_of(response)
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if code in _UNAVAILABLE:
        return skipped(what, f"{response.status_code} {code}")
    if response.status_code != 402:
        return found(what, False, f"{response.status_code} {code or ''} instead of 402")
    return found(what, *_read(response.headers.get("payment-required"), terms))


def _read(header: str | None, terms: Json) -> tuple[bool, str]:
    """Whether a PAYMENT-REQUIRED header is a challenge by the published terms, and what it says."""
    if header is None:
        return False, "402 without PAYMENT-REQUIRED"
    try:
        challenge = orjson.loads(base64.b64decode(header, validate=True))
        PaymentRequired.model_validate(challenge)
    except (binascii.Error, orjson.JSONDecodeError):
        return False, "PAYMENT-REQUIRED is not base64 of JSON"
    except ValidationError as error:
        return False, f"PAYMENT-REQUIRED: {error.errors()[0]['msg']}"
    return offer_of(challenge, terms)


def _example(operation: Json) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = content.get("examples", {})
    return next((example.get("value") for example in examples.values()), content.get("example"))
