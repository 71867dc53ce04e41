"""Responses in the background, by the official openai SDK: made whoever is connected."""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response

from base.money import usd_to_nano
from tests.live import LiveServer, running, start, stop
from tests.long_answer import LONG
from tests.operator import new_key

MODEL: Final = "qwen3-32b"
ENDED: Final = ("completed", "incomplete", "failed", "cancelled")
NO_CHAIN: Final = {"BATCHIN_X402": "false"}
_FORMAT: Final = LONG["response_format"]["json_schema"]
LASTING: Final[dict[str, Any]] = {
    "model": MODEL,
    "input": "Fill a table with numbers.",
    "max_output_tokens": 3_000,
    "text": {"format": {"type": "json_schema", **_FORMAT}},
}


def until(look: Callable[[], Any], right: Callable[[Any], bool], patience_s: float = 120) -> Any:
    deadline = time.monotonic() + patience_s
    while not right(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def finished(client: OpenAI, response_id: str) -> Response:
    found = until(lambda: client.responses.retrieve(response_id), lambda now: now.status in ENDED)
    assert isinstance(found, Response)
    return found


def balance_nano_usd(server: LiveServer, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(server.url + "/v1/users/me", headers=headers, timeout=60)
    return usd_to_nano(answer.json()["credit_balance_usd"])


def test_a_response_is_made_in_the_background(client: OpenAI) -> None:
    made = client.responses.create(
        model=MODEL, input="Say hello.", max_output_tokens=8, background=True, instructions="Be brief."
    )
    assert (made.status, made.background, made.output) == ("queued", True, [])
    assert made.id.startswith("resp_chatcmpl_")
    answer = finished(client, made.id)
    assert answer.status in ("completed", "incomplete")
    assert (answer.id, answer.created_at, answer.background) == (made.id, made.created_at, True)
    assert answer.instructions == "Be brief."
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert answer.model_extra is not None
    record = answer.model_extra["vaas_record_id"]
    proof = client.get(f"/vaas/{record}/verify", cast_to=dict[str, Any])
    assert proof["valid"] is True
    assert client.responses.cancel(made.id).status == answer.status
    assert [item.type for item in client.responses.input_items.list(made.id).data] == ["message"]
    following = client.responses.create(
        model=MODEL, input="Again.", previous_response_id=made.id, max_output_tokens=4
    )
    assert following.previous_response_id == made.id
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_conversation_goes_on_in_the_background(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="My name is Ada.", max_output_tokens=4)
    made = client.responses.create(
        model=MODEL,
        input="And mine?",
        previous_response_id=first.id,
        background=True,
        max_output_tokens=4,
    )
    client.responses.delete(first.id)
    second = finished(client, made.id)
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens


def test_cancelling_stops_the_engine_and_costs_nothing(live_server: LiveServer) -> None:
    key = new_key(live_server.data_dir)
    before = balance_nano_usd(live_server, key)
    with OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0) as client:
        made = client.responses.create(**LASTING, background=True)
        assert balance_nano_usd(live_server, key) < before
        until(lambda: client.responses.retrieve(made.id).status, lambda now: now == "in_progress")
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model=MODEL, input="And?", previous_response_id=made.id)
        assert caught.value.param == "previous_response_id"
        assert client.responses.cancel(made.id).status == "cancelled"
        assert client.responses.cancel(made.id).status == "cancelled"
        stored = client.responses.retrieve(made.id)
        assert (stored.status, stored.output, stored.usage) == ("cancelled", [], None)
    until(lambda: balance_nano_usd(live_server, key), lambda now: now == before)


def test_one_that_is_deleted_is_stopped_and_costs_nothing(live_server: LiveServer) -> None:
    key = new_key(live_server.data_dir)
    before = balance_nano_usd(live_server, key)
    with OpenAI(base_url=live_server.url + "/v1", api_key=key, max_retries=0) as client:
        made = client.responses.create(**LASTING, background=True)
        client.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            client.responses.cancel(made.id)
    until(lambda: balance_nano_usd(live_server, key), lambda now: now == before)


def test_nobody_else_finds_or_stops_it(client: OpenAI, stranger: OpenAI) -> None:
    made = client.responses.create(model=MODEL, input="Hi", background=True, max_output_tokens=2)
    for act in (stranger.responses.retrieve, stranger.responses.cancel, stranger.responses.delete):
        with pytest.raises(openai.NotFoundError):
            act(made.id)
    assert finished(client, made.id).status in ("completed", "incomplete")


def test_who_can_not_pay_is_told_and_nothing_is_kept(poor: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        poor.responses.create(model=MODEL, input="Hi", background=True)
    assert caught.value.status_code == 402


def test_it_has_to_be_stored(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODEL, input="Hi", background=True, store=False)
    assert caught.value.param == "store"


def test_the_same_key_makes_one(client: OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "input": "Hi", "background": True, "max_output_tokens": 2}
    headers = {"Idempotency-Key": f"background-{time.time_ns()}"}
    first = client.responses.create(**asked, extra_headers=headers)
    again = client.responses.create(**asked, extra_headers=headers)
    assert first.id == again.id


async def test_the_asynchronous_client(live_server: LiveServer) -> None:
    async with AsyncOpenAI(base_url=live_server.url + "/v1", api_key=live_server.api_key) as client:
        made = await client.responses.create(**LASTING, background=True)
        assert (await client.responses.cancel(made.id)).status == "cancelled"


def test_after_a_crash_it_is_made_and_charged_once(tmp_path: Any) -> None:
    data_dir = tmp_path / "data"
    server = start(data_dir, "--engine", "local", **NO_CHAIN)
    with OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0) as client:
        kept = client.responses.create(
            model=MODEL, input="Count.", background=True, max_output_tokens=64
        )
        gone = client.responses.create(**LASTING, background=True)
        until(lambda: client.responses.retrieve(kept.id).status, lambda now: now != "queued")
        server.kill()
    with running(data_dir, "--engine", "local", **NO_CHAIN) as server:
        with OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0) as client:
            assert client.responses.cancel(gone.id).status == "cancelled"
            answer = finished(client, kept.id)
            assert answer.status in ("completed", "incomplete")
            assert answer.model_extra is not None
            logs = client.get("/usage/logs", cast_to=list[dict[str, Any]])
            charged = [row for row in logs if row["output_tokens"]]
            assert [row["run_id"] for row in charged] == [answer.model_extra["vaas"]["run_id"]]
        assert stop(server) == 0
