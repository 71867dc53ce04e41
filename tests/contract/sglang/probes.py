"""Raw requests whose answers are held against each other, and the shape of an answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from tests.contract.sglang.peers import MODEL, Peers

_USAGE: Final = {"include_usage": True, "continuous_usage_stats": True}


@dataclass(frozen=True, slots=True)
class Probe:
    """One request: JSON, or a form with a file that is no sound where ``form`` names it. ``to`` is the
    server that it goes to, ``key`` whether it carries the API key."""

    path: str
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    to: str = "chat"
    key: bool = True


def _chat(**body: Any) -> Probe:
    messages = [{"role": "user", "content": "hello"}]
    told = {"model": MODEL, "messages": messages, "max_tokens": 6, "temperature": 0, "ignore_eos": True}
    return Probe("/v1/chat/completions", {**told, **body})


def _text(**body: Any) -> Probe:
    told = {"model": MODEL, "prompt": "hello", "suffix": "", "max_tokens": 4, "temperature": 0}
    return Probe("/v1/completions", {**told, "ignore_eos": True, **body})


def _embed(path: str, **body: Any) -> Probe:
    return Probe(path, {"model": MODEL, **body}, to="embed")


_SCHEMA: Final = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nope"}}}
PROBES: Final[Mapping[str, Probe]] = {
    "chat": _chat(),
    "chat_stream": _chat(stream=True, stream_options={"include_usage": True}),
    "chat_stream_running_usage": _chat(stream=True, stream_options=_USAGE),
    "chat_stream_without_usage": _chat(stream=True),
    "chat_stream_two_choices": _chat(stream=True, stream_options=_USAGE, n=2, temperature=0.9),
    "chat_stream_logprobs": _chat(stream=True, logprobs=True, top_logprobs=2),
    "chat_stream_regex": _chat(stream=True, regex="(yes|no)", ignore_eos=False, max_tokens=20),
    "chat_bad_regex": _chat(regex="(["),
    "chat_stream_bad_regex": _chat(regex="([", stream=True, stream_options=_USAGE),
    "chat_bad_schema": _chat(response_format=_SCHEMA),
    "chat_too_long": _chat(messages=[{"role": "user", "content": "hello " * 5000}]),
    "chat_max_tokens_too_big": _chat(max_tokens=100_000, stream=True),
    "chat_no_messages": _chat(messages=[]),
    "chat_messages_of_a_wrong_type": _chat(messages="hello"),
    "chat_unknown_model": _chat(model="nope", stream=True, stream_options=_USAGE),
    "chat_image": _chat(
        messages=[
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
        ]
    ),
    "completion": _text(),
    "completion_stream": _text(stream=True, stream_options={"include_usage": True}),
    "completion_stream_running_usage": _text(stream=True, stream_options=_USAGE),
    "completion_stream_prompts": _text(
        prompt=["hello", "world"], n=2, stream=True, stream_options=_USAGE
    ),
    "completion_stream_logprobs": _text(stream=True, logprobs=1),
    "completion_no_prompt": _text(prompt=""),
    "completion_no_tokens": _text(max_tokens=0),
    "embeddings": _embed("/v1/embeddings", input=["hello", "world"]),
    "embeddings_base64": _embed("/v1/embeddings", input=["hello", "world"], encoding_format="base64"),
    "embeddings_one_id_for_a_list": _embed("/v1/embeddings", input=["hello", "world"], rid="a"),
    "embeddings_no_input": _embed("/v1/embeddings", input=[]),
    "embeddings_too_long": _embed("/v1/embeddings", input=["hello " * 5000]),
    "rerank": _embed("/v1/rerank", query="hello", documents=["hello", "world"]),
    "rerank_without_documents": _embed(
        "/v1/rerank", query="hello", documents=["hello", "world"], return_documents=False, top_n=1
    ),
    "rerank_no_documents": _embed("/v1/rerank", query="hello", documents=[]),
    "classify": _embed("/v1/classify", input=["hello", "world"]),
    "embeddings_of_a_generator": Probe("/v1/embeddings", {"model": MODEL, "input": "hello"}),
    "models": Probe("/v1/models"),
    "loads": Probe("/v1/loads?include=core"),
    "ready": Probe("/ready", key=False),
    "abort_with_the_api_key": Probe("/abort_request", {"rid": "nobody"}),
    "no_key": Probe("/v1/models", key=False),
    "unknown_route": Probe("/nope"),
    "transcript_in_no_format": Probe(
        "/v1/audio/transcriptions", form={"model": MODEL, "file": "RIFF", "response_format": "srt"}
    ),
    "transcript_without_a_file": Probe("/v1/audio/transcriptions", form={"model": MODEL}),
}


async def answer(peers: Peers, probe: Probe) -> dict[str, Any]:
    """Status, media type and shape of what the server answers."""
    peer = peers.chat if probe.to == "chat" else peers.embed
    headers = {"Authorization": f"Bearer {peer.key}"} if probe.key else {}
    method = "GET" if probe.body is None and probe.form is None else "POST"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(
            method, peer.url + probe.path, json=probe.body, data=_form(probe.form)
        ) as response,
    ):
        body = await response.read()
        media = response.headers.get("Content-Type", "")
        told = _events(body) if media.startswith("text/event-stream") else _whole(body)
        return {"status": response.status, "media": media, "shape": shape_of(told)}


def _form(fields: Mapping[str, str] | None) -> aiohttp.FormData | None:
    if fields is None:
        return None
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if name == "file":
            form.add_field(name, value.encode(), filename="sound.wav", content_type="audio/wav")
        else:
            form.add_field(name, value)
    return form


def shape_of(values: list[Any]) -> dict[str, list[str]]:
    """The kinds of value at each path of some JSON, over all of ``values``."""
    seen: dict[str, set[str]] = {}
    for value in values:
        for path, kind in _kinds(value, ""):
            if path.startswith(_AS_IT_HAPPENS):
                continue
            seen.setdefault(path, set()).add(kind)
    return {path: sorted(kinds) for path, kinds in sorted(seen.items())}


def _kinds(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "object"
            for name, member in value.items():
                yield from _kinds(member, f"{path}.{_name(path, name)}")
        case list():
            yield path, "list"
            for member in value:
                yield from _kinds(member, f"{path}[]")
        case bool():
            yield path, "boolean"
        case int() | float():
            yield path, "number"
        case None:
            yield path, "null"
        case _:
            yield path, f"text {value}" if path.endswith(_SPELLED) else "text"


_AS_IT_HAPPENS: Final = ".loads[].decode_moments"  # null before the first token, then a list
_SPELLED: Final = (".object", ".type", ".finish_reason", ".role", ".error", ".detail", ".owned_by")


def _name(path: str, name: str) -> str:
    """In a completion's ``top_logprobs`` the tokens are the names."""
    return "TOKEN" if path.endswith(".logprobs.top_logprobs[]") else name


def _events(body: bytes) -> list[Any]:
    payloads = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    assert payloads[-1] == b"[DONE]"
    return [orjson.loads(payload) for payload in payloads[:-1]]


def _whole(body: bytes) -> list[Any]:
    return [orjson.loads(body)] if body else []
