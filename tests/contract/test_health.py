"""What operators watch: health, readiness and metrics of a running server."""

import httpx

from tests.live import LiveServer


def test_a_server_that_serves_is_healthy(live_server: LiveServer) -> None:
    with httpx.Client(base_url=live_server.url) as client:
        assert client.get("/livez").json() == {"status": "ok"}
        assert client.get("/health").json() == {"status": "ok"}
        ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["store"] == "ok"
    assert {engine["state"] for engine in ready.json()["engines"]} == {"ready"}


def test_metrics_count_calls_tokens_money_and_show_engines_store_and_log(
    live_server: LiveServer,
) -> None:
    with httpx.Client(
        base_url=live_server.url, headers={"authorization": f"Bearer {live_server.api_key}"}
    ) as client:
        before = _samples(client.get("/metrics").text)
        answer = client.post("/v1/embeddings", json={"model": "bge-m3", "input": "one two three"})
        assert answer.status_code == 200
        after = _samples(client.get("/metrics").text)
    calls = 'batchin_calls_total{outcome="completed",rail="balance",tool="embed"}'
    tokens = 'batchin_tokens_total{direction="input",tool="embed"}'
    assert after[calls] == before.get(calls, 0) + 1
    assert after[tokens] - before.get(tokens, 0) == answer.json()["usage"]["prompt_tokens"]
    assert after["batchin_store_commits_total"] > before["batchin_store_commits_total"]
    assert after["batchin_holds"] == 0
    assert all(value == 1 for name, value in after.items() if name.startswith("batchin_engine_up"))
    for name in ("payments_unsettled", "settlement_lag_seconds", "log_waiting", "store_queue"):
        assert f"batchin_{name}" in after


def _samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}
