"""Keys are held to their rates and scopes at every door, before anything is reserved."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contract.account.conftest import CHAT, EMBED, Member

Join = Callable[[], Member]
MODELS_CALL: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "embed", "arguments": EMBED},
}


def made(member: Member, **limits: Any) -> httpx.Client:
    """A client with a new key that has these limits."""
    answer = member.http.post("/v1/keys", json=limits).raise_for_status().json()
    return member.with_key(answer["key"])


def test_a_burst_of_ten_times_the_rate_lets_the_rate_through(join: Join) -> None:
    member = join()
    http = made(member, rate_limit_rpm=6)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: http.post("/v1/embeddings", json=EMBED), range(60)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) in (6, 7)
    assert codes.count(429) == 60 - codes.count(200)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.headers["ratelimit-policy"] == '"key-requests";q=6;w=60'
    assert "x-should-retry" not in refused.headers
    assert member.http.get("/v1/usage/summary").json()["total_requests"] == codes.count(200)
    assert member.http.get("/v1/users/me").json()["held_usd"] == "0.00"


def test_what_is_left_is_told_with_every_answer(join: Join) -> None:
    http = made(join(), rate_limit_rpm=4, rate_limit_tpm=10_000)
    first = http.post("/v1/chat/completions", json=CHAT).raise_for_status()
    assert first.headers["x-ratelimit-limit-requests"] == "4"
    assert first.headers["x-ratelimit-remaining-requests"] == "3"
    assert first.headers["x-ratelimit-limit-tokens"] == "10000"
    with http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as streamed:
        streamed.read()
        assert streamed.headers["x-ratelimit-remaining-requests"] in ("2", "3")
    refused = http.post("/v1/chat/completions", json={**CHAT, "model": "nobody"})
    assert refused.status_code == 404
    assert refused.headers["x-ratelimit-limit-requests"] == "4"


def test_a_call_that_may_outgrow_a_minute_is_told_to_be_smaller(join: Join) -> None:
    http = made(join(), rate_limit_tpm=60)
    refused = http.post("/v1/chat/completions", json={**CHAT, "max_tokens": 500})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "max_tokens"
    assert http.post("/v1/embeddings", json=EMBED).status_code == 200


def test_scopes_name_what_a_key_may_call(join: Join) -> None:
    member = join()
    embeds = made(member, scopes=["tool:embed"])
    assert embeds.post("/v1/embeddings", json=EMBED).status_code == 200
    refused = embeds.post("/v1/chat/completions", json=CHAT)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert "tool:embed" in refused.json()["error"]["resolution"]
    assert embeds.get("/v1/usage/summary").status_code == 403
    one_model = made(member, scopes=["model:qwen3-32b"])
    assert one_model.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert one_model.post("/v1/embeddings", json=EMBED).status_code == 403
    one_path = made(member, scopes=["endpoint:/v1/embeddings"])
    assert one_path.post("/v1/embeddings", json=EMBED).status_code == 200
    assert one_path.post("/v1/chat/completions", json=CHAT).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        (["tool:embed"], None),
        (["tool:chat"], "forbidden"),
        (["endpoint:/v1/embeddings"], "forbidden"),
        (["endpoint:/v1/mcp"], None),
    ],
)
def test_scopes_hold_over_mcp(join: Join, scopes: list[str], code: str | None) -> None:
    http = made(join(), scopes=scopes)
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
    answer = http.post("/v1/mcp", json=MODELS_CALL, headers=headers)
    assert answer.status_code == 200
    assert ('"forbidden"' in answer.text) is (code is not None), answer.text
