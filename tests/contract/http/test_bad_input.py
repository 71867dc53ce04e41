"""Bad input over raw HTTP: the documented error, one line in the log, and not a nano-dollar moves."""

import base64
import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.contract.http.raw import connected, exchange, is_closed, reply, request
from tests.watched import Watched

CHAT, EMBED, MCP = "/v1/chat/completions", "/v1/embeddings", "/v1/mcp"
CANARY = "canary-3141"
MESSAGES = [{"role": "user", "content": CANARY}]
QUESTION: dict[str, Any] = {"model": "qwen3-32b", "messages": MESSAGES, "max_tokens": 1}
TEXT: dict[str, Any] = {"model": "bge-m3", "input": CANARY}


def key_of(watched: Watched) -> dict[str, str]:
    return {"authorization": f"Bearer {watched.server.api_key}", "content-type": "application/json"}


def check_error(
    answer: Any, status: int, code: str, param: str | None = None, *, retry: bool = False
) -> dict[str, Any]:
    """The documented shape, and whether an SDK may try again by itself."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "type", "param", "resolution"}
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert error["resolution"]
    assert answer.headers.get("x-should-retry") == (None if retry else "false")
    return error


def refused(
    watched: Watched,
    path: str,
    content: Any,
    status: int,
    code: str,
    param: str | None = None,
    **headers: str,
) -> dict[str, Any]:
    """Send a request with the key: it is refused, costs nothing, and is told in the log once."""
    sent = key_of(watched) | {name.replace("_", "-"): value for name, value in headers.items()}
    with watched.free_of_charge(CANARY) as lines:
        answer = watched.http.post(path, content=content, headers=sent)
    error = check_error(answer, status, code, param)
    assert lines[0]["outcome"] == code
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    return error


LONG = "word " * 5_000
WRONG_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "model of a wrong type": ({"model": 3}, "model"),
    "no model": ({"model": None}, "model"),
    "an empty model": ({"model": ""}, "model"),
    "a huge model name": ({"model": "x" * 300}, "model"),
    "a model of another modality": ({"model": "bge-m3"}, "model"),
    "messages as text": ({"messages": CANARY}, "messages"),
    "no messages": ({"messages": []}, "messages"),
    "null messages": ({"messages": None}, "messages"),
    "too many messages": ({"messages": MESSAGES * 513}, "messages"),
    "a message as text": ({"messages": [CANARY]}, "messages.0"),
    "an unknown role": ({"messages": [{"role": "nobody", "content": CANARY}]}, "messages.0.role"),
    "a tool's message": ({"messages": [{"role": "tool", "content": CANARY}]}, "messages.0"),
    "content as a number": ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
    "null content": ({"messages": [{"role": "user", "content": None}]}, "messages.0"),
    "no parts": ({"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages.0.content.0.image_url.url",
    ),
    "a part of no type": (
        {"messages": [{"role": "user", "content": [{"text": CANARY}]}]},
        "messages.0.content.0",
    ),
    "a part without its text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages.0.content.0.text",
    ),
    "a field that nobody knows": ({"surprise": CANARY}, "surprise"),
    "tool_choice": ({"tool_choice": "auto"}, "tool_choice"),
    "a bias beyond its range": ({"logit_bias": {"1": 101}}, "logit_bias"),
    "a bias of no token": ({"logit_bias": {"one": 1}}, "logit_bias"),
    "modalities": ({"modalities": ["audio"]}, "modalities.0"),
    "reasoning_effort": ({"reasoning_effort": "low"}, "reasoning_effort"),
    "too many stops": ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    "an empty stop": ({"stop": ""}, "stop"),
    "stream as text": ({"stream": "yes"}, "stream"),
    "stream_options without a stream": ({"stream_options": {"include_usage": True}}, "stream_options"),
    "top_logprobs without logprobs": ({"top_logprobs": 2}, "top_logprobs"),
    "too many top_logprobs": ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
    "a response format that is none": ({"response_format": {"type": CANARY}}, "response_format"),
    "a format without its schema": (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
    ),
    "a schema that is none": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"type": CANARY}},
            }
        },
        "response_format",
    ),
    "a schema that points elsewhere": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {"$ref": "http://127.0.0.1:9/" + CANARY}},
            }
        },
        "response_format",
    ),
    "two different limits": ({"max_completion_tokens": 2}, "max_completion_tokens"),
    "metadata of a wrong type": ({"metadata": {"a": 1}}, "metadata.a"),
}
NUMBERS: dict[str, tuple[Any, ...]] = {
    "max_tokens": (0, -1, 10**9, 10**30, "5", True, 1.5, [], {}),
    "n": (0, -1, 9, 10**30, "2", True, 1.5),
    "temperature": (-0.1, 2.1, 10**30, "1", True, []),
    "top_p": (0, 1.1, "1"),
    "seed": (2**63, 10**30, "1", 0.5),
    "frequency_penalty": (-2.1, 2.1),
    "presence_penalty": (-2.1, 2.1),
}


@pytest.mark.parametrize(("change", "param"), WRONG_FIELDS.values(), ids=WRONG_FIELDS)
def test_a_wrong_field_is_named(watched: Watched, change: dict[str, Any], param: str) -> None:
    body = orjson.dumps(QUESTION | change)
    error = refused(watched, CHAT, body, 400, "invalid_request", param)
    assert param in error["resolution"] or param == "model"


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in NUMBERS.items() for value in values]
)
def test_a_number_out_of_bounds_is_named(watched: Watched, field: str, value: Any) -> None:
    body = _dumps(QUESTION | {field: value})
    refused(watched, CHAT, body, 400, "invalid_request", field)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input.1"),
        ({"input": [1, 2]}, "input"),
        ({"input": None}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 7}, "dimensions"),
        ({"dimensions": "384"}, "dimensions"),
        ({"truncate": True}, "truncate"),
        ({"model": "qwen3-32b"}, "model"),
    ],
)
def test_a_wrong_field_of_embeddings_is_named(
    watched: Watched, change: dict[str, Any], param: str
) -> None:
    refused(watched, EMBED, orjson.dumps(TEXT | change), 400, "invalid_request", param)


@pytest.mark.parametrize(("path", "body"), [(CHAT, QUESTION), (EMBED, TEXT)])
def test_an_unknown_model(watched: Watched, path: str, body: dict[str, Any]) -> None:
    content = orjson.dumps(body | {"model": "gpt-9"})
    refused(watched, path, content, 404, "model_not_found", "model")


@pytest.mark.parametrize("stream", [False, True])
def test_more_than_the_context_holds(watched: Watched, stream: bool) -> None:
    messages = [{"role": "user", "content": LONG}]
    body = QUESTION | {"messages": messages, "stream": stream}
    refused(watched, CHAT, orjson.dumps(body), 400, "context_length_exceeded")


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"model": "canary-3141"',
    "an array": b'["canary-3141"]',
    "a string": b'"canary-3141"',
    "null": b"null",
    "two objects": b'{"model":"canary-3141"}{}',
    "deeper than 64 levels": b'{"a":' * 65 + b"1" + b"}" * 65,
    "deeper than any parser goes": b"[" * 1_000_000,
    "objects deeper than any parser goes": b'{"a":' * 200_000,
    "NaN": b'{"model": "canary-3141", "temperature": NaN}',
    "infinity": b'{"model": "canary-3141", "temperature": 1e999}',
    "a NUL character": b'{"model": "canary-3141\\u0000"}',
    "a NUL byte": b'{"model": "canary-3141\x00"}',
    "a NUL in a name": b'{"canary-3141\\u0000": 1}',
    "a lone surrogate": b'{"model": "canary-3141\\ud800"}',
    "a lone surrogate in a name": b'{"canary-3141\\udfff": 1}',
    "not UTF-8": b'{"model": "canary-3141\xff"}',
    "an overlong form": b'{"model": "canary-3141\xc0\xaf"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"model": "canary-3141"}'.encode("utf-16"),
}


@pytest.mark.parametrize("path", [CHAT, EMBED])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_json_object(watched: Watched, path: str, body: bytes) -> None:
    refused(watched, path, body, 400, "invalid_request")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"]
)
def test_another_content_type(watched: Watched, kind: str) -> None:
    content = orjson.dumps(QUESTION)
    refused(watched, CHAT, content, 415, "unsupported_media_type", content_type=kind)


def test_a_coded_body_is_refused_and_what_is_taken_is_told(watched: Watched) -> None:
    sent = key_of(watched) | {"content-encoding": "gzip"}
    with watched.free_of_charge(CANARY):
        answer = watched.http.post(CHAT, content=gzip.compress(orjson.dumps(QUESTION)), headers=sent)
    check_error(answer, 415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "identity"


def test_a_body_over_the_limit_is_refused_as_declared(watched: Watched) -> None:
    refused(watched, CHAT, b" " * 2_097_153, 413, "payload_too_large")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(watched: Watched) -> None:
    head = request(CHAT, b"", b"Authorization: Bearer " + watched.server.api_key.encode())
    head = head.replace(b"Content-Length: 0", b"Content-Length: 99999999999\r\nExpect: 100-continue")
    with watched.free_of_charge():
        answer = exchange(watched.server, head)
    assert answer.status == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


@pytest.mark.parametrize(("path", "pieces"), [(CHAT, 40), (EMBED, 40), (MCP, 140)])
def test_a_body_over_the_limit_is_refused_in_chunks(watched: Watched, path: str, pieces: int) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(pieces):
            yield b" " * 65_536

    refused(watched, path, chunks(), 413, "payload_too_large")


HOSTILE_KEYS = {
    "empty": b"",
    "scheme alone": b"Bearer",
    "another scheme": b"Basic dXNlcjpwYXNz",
    "a made-up scheme": b"Token batchin_api_" + b"t" * 40,
    "two tokens": b"Bearer a b",
    "SQL": b"Bearer batchin_api_'; DROP TABLE api_key; --",
    "quotes": b"Bearer \"'`",
    "unicode": "Bearer batchin_api_ключ-🔑".encode(),
    "latin-1": b"Bearer batchin_api_\xe9\xff",
    "one too short": b"Bearer batchin_api_" + b"t" * 39,
    "one too long": b"Bearer batchin_api_" + b"t" * 41,
    "another case": b"Bearer BATCHIN_API_" + b"T" * 40,
    "a list": b"Bearer batchin_api_" + b"t" * 40 + b", Bearer x",
    "long": b"Bearer " + b"k" * 60_000,
    "a path": b"Bearer ../../etc/passwd",
    "a template": b"Bearer ${jndi:ldap://127.0.0.1/a}",
    "a wallet's token": b"Bearer batchin_wallet_" + b"A" * 43,
}


@pytest.mark.parametrize("path", [CHAT, EMBED, MCP])
@pytest.mark.parametrize("value", HOSTILE_KEYS.values(), ids=HOSTILE_KEYS)
def test_keys_that_are_none_are_all_told_the_same(watched: Watched, path: str, value: bytes) -> None:
    head = request(path, orjson.dumps(QUESTION), b"Authorization: " + value)
    with watched.free_of_charge(CANARY, value.decode("latin-1") or "no secret") as lines:
        answer = exchange(watched.server, head)
    assert (answer.status, answer.headers["x-should-retry"]) == (401, "false")
    assert answer.json()["error"] == {
        "code": "unauthorized",
        "message": "API key is invalid or missing",
        "type": "authentication_error",
        "param": None,
        "resolution": "Verify Authorization: Bearer <API_KEY>.",
    }
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert lines[0]["outcome"] == "unauthorized"


@pytest.mark.parametrize(
    ("header", "param"),
    [
        (b"Authorization: Bearer batchin_api_" + b"t" * 40, "authorization"),
        (b"Content-Type: application/json", "content-type"),
    ],
)
def test_a_header_that_may_stand_once_and_stands_twice(
    watched: Watched, header: bytes, param: str
) -> None:
    key = b"Authorization: Bearer " + watched.server.api_key.encode()
    with watched.free_of_charge(CANARY):
        answer = exchange(watched.server, request(CHAT, orjson.dumps(QUESTION), key, header))
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert answer.json()["error"]["param"] == param


UNREADABLE = {
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a NUL in a header": request(CHAT, b"", b"Authorization: Bearer a\0b"),
    "a bare CR in a header": request(CHAT, b"", b"X-A: a\rAuthorization: Bearer b"),
    "two lengths": request(CHAT, b"{}", b"Content-Length: 1"),
    "a length and chunks": request(CHAT, b"{}", b"Transfer-Encoding: chunked"),
    "a negative length": request(CHAT).replace(b"Length: 0", b"Length: -1"),
    "no method": b"\x00 / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a path beyond ASCII": request("/v1/м".encode().decode("latin-1"), method="GET"),
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": request("/health", b"", b"Host: elsewhere", method="GET"),
    "a head of 64 KB": request(CHAT, b"{}", b"X-A: " + b"a" * 65_536),
    "a key of 64 KB": request(CHAT, b"{}", b"Authorization: Bearer " + b"k" * 65_536),
    "a path of 64 KB": request("/v1/" + "a" * 65_536, method="GET"),
    "many small headers": request(CHAT, b"{}", *(b"X-%d: a" % index for index in range(9_000))),
}


@pytest.mark.parametrize("head", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_request_is_answered_and_cut(watched: Watched, head: bytes) -> None:
    with watched.free_of_charge(), connected(watched.server) as connection:
        connection.sendall(head)
        answer = reply(connection)
        assert is_closed(connection)
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert answer.json()["error"]["resolution"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["connection"] == "close"


def test_a_trailer_is_no_header(watched: Watched) -> None:
    body = orjson.dumps(QUESTION)
    head = request(CHAT, b"", b"Trailer: Authorization")
    head = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    trailer = b"Authorization: Bearer " + watched.server.api_key.encode()
    chunks = b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, trailer)
    with watched.free_of_charge(CANARY):
        answer = exchange(watched.server, head + chunks)
    assert answer.status == 402  # nobody's call


def test_requests_on_the_heels_of_one_are_not_served(watched: Watched) -> None:
    key = b"Authorization: Bearer " + watched.server.api_key.encode()
    one = request(EMBED, orjson.dumps(TEXT), key)
    with watched.logged() as lines, connected(watched.server) as connection:
        connection.sendall(one * 3)
        answer = reply(connection)
        assert is_closed(connection)
    assert answer.status == 200
    assert len(answer.json()["data"]) == 1
    assert [line["outcome"] for line in lines] == ["completed"]


def test_a_connection_serves_one_request_after_another(watched: Watched) -> None:
    with connected(watched.server) as connection:
        for path in ("/health", "/nothing", "/livez"):
            connection.sendall(request(path, method="GET"))
            assert reply(connection).status == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize(
    "parts",
    [
        [b"POST /v1/chat/completions HT"],
        [b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-A: "],
        [request(CHAT, b"x" * 100)[:-50]],
    ],
    ids=["half a line", "half a head", "half a body"],
)
def test_a_request_that_does_not_arrive_in_time(hasty: Watched, parts: list[bytes]) -> None:
    with connected(hasty.server) as connection:
        connection.sendall(parts[0])
        answer = reply(connection)
        assert is_closed(connection)
    assert answer.status == 408
    error = answer.json()["error"]
    assert (error["code"], error["resolution"]) == (
        "request_timeout",
        "Send the whole request without pauses.",
    )
    assert "x-should-retry" not in answer.headers
    assert hasty.money().holds == 0


ALLOW = {
    CHAT: {"POST"},
    EMBED: {"POST"},
    MCP: {"POST"},
    "/v1/models": {"GET", "HEAD"},
    "/v1/models/qwen3-32b": {"GET", "HEAD"},
    "/health": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD", "OPTIONS"},
    "/v1/vaas/pubkey/current": {"GET", "HEAD"},
}


@pytest.mark.parametrize("path", ALLOW)
def test_a_method_that_a_path_does_not_have(watched: Watched, path: str) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - ALLOW[path]:
        with watched.free_of_charge():
            answer = watched.http.request(method, path)
        assert answer.status_code == 405, method
        assert set(answer.headers["allow"].replace(" ", "").split(",")) == ALLOW[path]
        if method == "HEAD":
            assert answer.content == b""
        else:
            check_error(answer, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        CHAT + "/",
        "/v1/models/",
        "/health/",
        "//health",
        "/v1/../health",
        "/V1/models",
        "/v1/chat/completions%2f",
        "/.env",
        "/v1/vaas/pubkey/current/",
        "/%00",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_nothing_at_a_path(watched: Watched, path: str, method: str) -> None:
    head = request(path, orjson.dumps(QUESTION), method=method)
    with watched.free_of_charge(CANARY):
        answer = exchange(watched.server, head)
    assert answer.status == (405 if (path, method) == ("/v1/models/", "POST") else 404)
    assert answer.json()["error"]["resolution"]
    assert answer.headers["x-should-retry"] == "false"


def test_an_unknown_model_of_the_catalog(watched: Watched) -> None:
    with watched.free_of_charge():
        answer = watched.http.get("/v1/models/gpt-9")
    check_error(answer, 404, "model_not_found", "model")


HOSTS = [
    b"evil.example",
    b"127.0.0.1.evil.example",
    b"localhost@evil.example",
    b"evil.example#localhost",
    b"evil.example/localhost",
    b"localhost, evil.example",
    b"",
    b"[::1",
    b"\xff",
]
ORIGINS = ["http://evil.example", "null", "http://localhost.evil.example", "file://", "http://[::1"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_host_is_not_answered_for(watched: Watched, host: bytes) -> None:
    with watched.free_of_charge():
        answer = exchange(watched.server, request(MCP, b"{}", host=host))
    assert answer.status == 421
    assert answer.json()["error"]["code"] == "forbidden"
    assert answer.json()["error"]["resolution"]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_foreign_origin_is_forbidden(watched: Watched, origin: str) -> None:
    with watched.free_of_charge():
        answer = watched.http.post(MCP, json={}, headers={"origin": origin})
    check_error(answer, 403, "forbidden")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/health", "/llms.txt"])
def test_a_host_header_changes_no_document(watched: Watched, path: str, host: bytes) -> None:
    answer = exchange(watched.server, request(path, method="GET", host=host))
    assert answer.status == 200
    assert b"evil" not in answer.content
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    "value", ["00-" + "0" * 32 + "-" + "1" * 16 + "-01", "x" * 500, "00-zz", "00-" + "1" * 55]
)
def test_a_broken_traceparent_starts_a_new_trace(watched: Watched, value: str) -> None:
    answer = watched.http.get("/v1/models", headers={"traceparent": value})
    assert answer.status_code == 200
    assert value not in answer.headers["traceparent"]


@pytest.mark.parametrize("value", ["a b", "x" * 129, "support@v2;evil", "a\tb"])
def test_a_broken_prompt_version_is_named(watched: Watched, value: str) -> None:
    refused(
        watched,
        CHAT,
        orjson.dumps(QUESTION),
        400,
        "invalid_request",
        "X-BatchIn-Prompt",
        x_batchin_prompt=value,
    )


def test_payment_headers_beside_a_key_are_read_first(watched: Watched) -> None:
    refused(
        watched,
        CHAT,
        orjson.dumps(QUESTION),
        400,
        "invalid_request",
        "PAYMENT-SIGNATURE",
        payment_signature=base64.b64encode(b"[]").decode(),
    )


def test_a_reader_who_left_before_the_request_was_whole(watched: Watched) -> None:
    before = watched.money()
    with connected(watched.server) as connection:
        connection.sendall(request(CHAT, orjson.dumps(QUESTION))[:-10])
    assert watched.money() == before


def _dumps(value: Any) -> bytes:
    """orjson refuses integers beyond 64 bits; the wire does not."""
    import json

    return json.dumps(value).encode()


def test_all_of_it_left_the_server_well(watched: Watched) -> None:
    with httpx.Client(base_url=watched.server.url, headers=key_of(watched)) as client:
        assert client.post(EMBED, json=TEXT).status_code == 200
        assert client.get("/health").json() == {"status": "ok"}
