"""The answers' JSON, member by member as the real server spells them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_CREATED: Final = 1795437733
_VERSIONS: Final = {"weight_version": "default"}


def error(message: str, kind: str = "BadRequestError", code: int = 400) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def invalid_body(route: str, problem: str) -> dict[str, Any]:
    """Names a file of the server, as the real one does."""
    where = f'File "/srv/engine/http_server.py", line 1870\n    POST {route}'
    return error(f"1 validation error:\n  {problem}\n\n  {where} [{problem}]", "Bad Request")


def usage(prompt: int, completion: int, cached: int | None) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
        "prompt_tokens_details": None if cached is None else {"cached_tokens": cached},
        "reasoning_tokens": 0,
        "completion_tokens_details": None,
    }


def chunk(kind: str, rid: str, model: str, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"id": rid, "object": kind, "created": _CREATED, "model": model, "choices": list(choices)}


def chat_choice(
    index: int,
    delta: Mapping[str, Any],
    logprobs: Any = None,
    finish: str | None = None,
    matched: Any = None,
) -> dict[str, Any]:
    return {
        "index": index,
        "delta": {"reasoning_content": None, **delta},
        "logprobs": logprobs,
        "finish_reason": finish,
        "matched_stop": matched,
    }


def text_choice(
    index: int, text: str, logprobs: Any = None, finish: str | None = None, matched: Any = None
) -> dict[str, Any]:
    return {
        "index": index,
        "text": text,
        "logprobs": logprobs,
        "finish_reason": finish,
        "matched_stop": matched,
    }


def message_choice(index: int, content: str, finish: str, matched: Any) -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": content, "reasoning_content": None},
        "logprobs": None,
        "finish_reason": finish,
        "matched_stop": matched,
    }


def whole(
    kind: str, rid: str, model: str, choices: Sequence[Mapping[str, Any]], spent: Mapping[str, Any]
) -> dict[str, Any]:
    versions = [{"version": "default", "start": 0, "end": spent["completion_tokens"]}]
    metadata = {**_VERSIONS, "weight_versions": versions}
    return {**chunk(kind, rid, model, choices), "usage": spent, "metadata": metadata}


def models(name: str, context: int) -> dict[str, Any]:
    row = {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "sglang",
        "root": name,
        "parent": None,
        "max_model_len": context,
    }
    return {"object": "list", "data": [row]}


def loads(running: int, waiting: int, limit: int) -> dict[str, Any]:
    row = {
        "timestamp": 1795537528.7,
        "dp_rank": 0,
        "num_running_reqs": running,
        "num_waiting_reqs": waiting,
        "num_waiting_uncached_tokens": 0,
        "num_used_tokens": 0,
        "num_total_tokens": 0,
        "num_active_tokens": 0,
        "num_prealloc_ready_tokens": 0,
        "max_total_num_tokens": 8192,
        "max_running_requests": limit,
        "token_usage": 0.0,
        "gen_throughput": 0.0,
        "cache_hit_rate": 0.0,
        "utilization": 0.0,
        "total_prefill_uncached_tokens": 0,
        "total_prefill_busy_us": 0,
        "decode_moments": None,
    }
    return {
        "timestamp": "2026-11-24T16:25:28.749203+00:00",
        "version": "0.5.23",
        "accelerator": None,
        "num_accelerators": 1,
        "loads": [row],
    }


def model_info(name: str, embedding: bool) -> dict[str, Any]:
    """The members that our side reads; the real answer has many more."""
    return {"served_model_name": name, "is_generation": not embedding, **_VERSIONS}


def embeddings(vectors: Sequence[Any], model: str, tokens: int) -> dict[str, Any]:
    rows = [
        {"embedding": vector, "index": index, "object": "embedding"}
        for index, vector in enumerate(vectors)
    ]
    return {"data": rows, "model": model, "object": "list", "usage": usage(tokens, 0, None)}


def rerank_row(index: int, score: float, tokens: int, document: str | None) -> dict[str, Any]:
    meta = {
        "id": f"{index:032x}",
        "finish_reason": {"type": "length", "length": 0},
        "prompt_tokens": tokens,
        **_VERSIONS,
        "num_retractions": 0,
        "queue_time": 0.0,
        "e2e_latency": 0.01,
        "request_received_ts": 1795538557.9,
        "first_token_latency": 0.01,
        "api_server_dispatch_finish_ts": 1795538557.9,
        "request_finished_ts": 1795538557.9,
        "response_sent_to_client_ts": 1795538557.9,
    }
    shown = {} if document is None else {"document": document}
    return {"score": score, **shown, "index": index, "meta_info": meta}


def classes(rows: Sequence[Mapping[str, Any]], model: str, tokens: int) -> dict[str, Any]:
    return {
        "id": "classify-5cf98eb1f276468a864f0c3edacb10b4",
        "object": "list",
        "created": _CREATED,
        "model": model,
        "data": list(rows),
        "usage": usage(tokens, 0, None),
    }
