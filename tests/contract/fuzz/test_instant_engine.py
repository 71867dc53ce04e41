"""The engine that answers at once answers as often as it is asked to."""

import httpx
import pytest

from benchmarks.subjects import instant_engine


@pytest.mark.parametrize(
    ("body", "answers"),
    [({"prompt": "a"}, 1), ({"prompt": ["a", "b"], "n": 2}, 4), ({"messages": [], "n": 3}, 3)],
)
def test_each_answer_that_is_asked_for_ends(body: dict[str, object], answers: int) -> None:
    with instant_engine(1) as engine:
        url = f"http://127.0.0.1:{engine.port}/v1/completions"
        told = httpx.post(url, json={**body, "stream": True}, trust_env=False).text
    assert told.count('"finish_reason":"stop"') == answers
    assert told.endswith("data: [DONE]\n\n")
