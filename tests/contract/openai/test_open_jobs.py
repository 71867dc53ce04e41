"""An account has only so many jobs that have not ended, of every kind."""

import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

from tests.contract.openai.test_background import LASTING, NO_CHAIN, finished
from tests.live import LiveServer, running
from tests.operator import new_key

INLINE: dict[str, Any] = {
    "tasks": [{"custom_id": "a", "model": "bge-m3", "request_body": {"input": "x"}}]
}


def client_of(server: LiveServer, key: str) -> OpenAI:
    return OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0)


def accepted(create: Callable[[], Response], patience_s: float = 60) -> Response:
    """What was cancelled has ended soon."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return create()
        except openai.RateLimitError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_one_more_than_allowed_is_told_to_wait(tmp_path: Any) -> None:
    env = {**NO_CHAIN, "BATCHIN_ACCOUNT_JOBS": "2"}
    with (
        running(tmp_path / "data", "--engine", "local", **env) as server,
        client_of(server, server.api_key) as client,
        client_of(server, new_key(server.data_dir)) as other,
    ):
        made = [client.responses.create(**LASTING, background=True) for _ in range(2)]
        file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
        kept = len(client.files.list().data)
        for one_more in (
            lambda: client.responses.create(**LASTING, background=True),
            lambda: client.post("/batches", body=INLINE, cast_to=dict[str, Any]),
            lambda: client.batches.create(
                input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
            ),
        ):
            with pytest.raises(openai.RateLimitError) as caught:
                one_more()
            assert caught.value.code == "rate_limited"
            assert int(caught.value.response.headers["retry-after"]) > 0
            assert "2 batches" in caught.value.message
        assert len(client.files.list().data) == kept
        other.post("/batches", body=INLINE, cast_to=dict[str, Any])
        for each in made:
            client.responses.cancel(each.id)
        short = {"model": "qwen3-32b", "input": "Hi", "max_output_tokens": 2, "background": True}
        last = accepted(lambda: client.responses.create(**short))  # type: ignore[call-overload]  # a dict
        assert finished(client, last.id).status in ("completed", "incomplete")
