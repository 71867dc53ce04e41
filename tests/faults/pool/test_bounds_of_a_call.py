"""Lane, region, time limit, trace and energy of a call, from its headers to engine and record."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import FakeSglang, serving
from tests.faults.pool.calls import CHAT
from tests.faults.pool.replicas import MODEL
from tests.live import running
from tests.watched import Watched

POWER_W, GRAMS = 400, 120
Both = tuple[Watched, FakeSglang]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        kind = Kind(running_max=64, queue_max=64)
        engine = stack.enter_context(portal.wrap_async_context_manager(serving(kind)))
        env = {
            "BATCHIN_X402": "false",
            "BATCHIN_ENGINE": f"sglang={engine.url}",
            "BATCHIN_MODELS": f'[{{"id": "{MODEL}", "modality": "chat", "context_length": 2048}}]',
            "BATCHIN_POWER_W": str(POWER_W),
            "BATCHIN_GRID_GCO2E_PER_KWH": str(GRAMS),
            "BATCHIN_GRID_SOURCE": "a meter",
            "BATCHIN_TIMEOUTS": '{"workspace:hasty": 0.2, "lane:batch": 60}',
        }
        data = tmp_path_factory.mktemp("bounds") / "data"
        yield Watched(stack.enter_context(running(data, **env))), engine


def ask(both: Both, bounds: Mapping[str, str] | None = None, tokens: int = 4) -> httpx.Response:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": tokens,
    }
    headers = {f"X-BatchIn-{name}": value for name, value in (bounds or {}).items()}
    key = {"Authorization": f"Bearer {both[0].server.api_key}"}
    return both[0].http.post(CHAT, json=body, headers={**key, **headers})


def error_of(answer: httpx.Response) -> Any:
    return answer.json()["error"]


def test_a_lane_is_the_priority_that_the_engine_is_told(both: Both) -> None:
    for lane, priority in (("shared", 0), ("batch", -10), ("fill", -20)):
        assert ask(both, {"Lane": lane}).status_code == 200
        assert both[1].seen[-1]["priority"] == priority


@pytest.mark.parametrize(
    ("bounds", "status", "code"),
    [
        ({"Lane": "private:acme"}, 403, "forbidden"),
        ({"Lane": "express"}, 400, "invalid_request"),
        ({"Region": "mars"}, 503, "engine_not_configured"),
    ],
)
def test_bounds_that_are_not_the_callers_or_nobodys_cost_nothing(
    both: Both, bounds: dict[str, str], status: int, code: str
) -> None:
    before, asked = both[0].money(), len(both[1].seen)
    answer = ask(both, bounds)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    assert error_of(answer)["resolution"]
    assert (both[0].money(), len(both[1].seen)) == (before, asked)


def test_the_time_limit_of_a_workspace_ends_a_call_that_is_not_charged(both: Both) -> None:
    watched, engine = both
    before = watched.money()
    answer = ask(both, {"Workspace": "hasty"}, tokens=1500)
    assert (answer.status_code, error_of(answer)["code"]) == (504, "deadline_exceeded")
    watched.eventually("the engine stopped", lambda: not engine.slots.running)
    watched.eventually("all is given back", lambda: watched.money() == before)


def test_the_engine_works_in_a_span_of_the_callers_trace(both: Both) -> None:
    watched, engine = both
    trace_id, above = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    headers = {
        "Authorization": f"Bearer {watched.server.api_key}",
        "traceparent": f"00-{trace_id}-{above}-01",
    }
    assert watched.http.post(CHAT, json=body, headers=headers).status_code == 200
    version, told_id, parent, flags = str(engine.traces[-1]).split("-")
    assert (version, told_id, flags) == ("00", trace_id, "01")
    path = f"/v1/traces/{trace_id}"
    watched.eventually("it is kept", lambda: watched.http.get(path, headers=headers).json().get("spans"))
    spans = {span["name"]: span for span in watched.http.get(path, headers=headers).json()["spans"]}
    assert spans["engine"]["span_id"] == parent
    assert spans["engine"]["parent_span_id"] == spans[f"chat {MODEL}"]["span_id"] != above


def test_the_record_tells_the_calls_share_of_the_power(both: Both) -> None:
    watched = both[0]
    began_s = time.monotonic()
    answer = ask(both, tokens=50)
    took_s = time.monotonic() - began_s
    run_id = answer.headers["x-batchin-run-id"]
    record = watched.http.get(f"/v1/vaas/{run_id}").json()
    assert 0 < record["energy_wh"] <= POWER_W * took_s / 3600
    assert record["carbon_grams_co2e"] == pytest.approx(record["energy_wh"] * GRAMS / 1000)
    assert record["energy_method"] == "configured_power_busy_share"
    assert record["energy_source"] == "a meter"
    signed = watched.http.get(f"/v1/vaas/{run_id}/evidence").json()["payload"]["energy"]
    assert signed["microwatt_hours"] == round(record["energy_wh"] * 1e6)
    assert watched.http.get(f"/v1/vaas/{run_id}/verify").json()["valid"] is True
