"""A key whose evidence holds salted hashes: the salt is its caller's alone, at every door."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from settlement.evidence.attested import ATTEST
from settlement.evidence.bodies import named_request_hash, response_hash
from settlement.evidence.salting import Part, salted
from tests.contract.account.conftest import CHAT, EMBED, Member
from tests.live import LiveServer

OUTSIDE = {"input_text": "yes", "output_text": "yes", "model_id": "gpt-elsewhere"}


@pytest.fixture
def member(join: Callable[[], Member]) -> Member:
    """An account whose only client shows a key of salted hashes."""
    joined = join()
    made = joined.http.post("/v1/keys", json={"name": "quiet", "salts_hashes": True}).json()
    assert made["salts_hashes"] is True
    assert [key["salts_hashes"] for key in joined.http.get("/v1/keys").json()] == [False, True]
    return Member(joined.account_id, made["id"], joined.with_key(made["key"]))


def evidence_of(http: httpx.Client, record_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = http.get(f"/v1/vaas/{record_id}/evidence").json()["payload"]
    return found


def check(payload: Mapping[str, Any], tool: str, request: Any, response: Any, salt: str) -> None:
    """The record names these bodies by that salt, and not without."""
    asked, answered = named_request_hash(tool, request), response_hash(tool, response)
    assert answered is not None
    assert payload["hashes"] == "salted"
    assert payload["input_hash"] == salted(Part.INPUT, asked, bytes.fromhex(salt))
    assert payload["output_hash"] == salted(Part.OUTPUT, answered, bytes.fromhex(salt))
    assert not {asked, answered} & set(map(str, payload.values()))


def test_whole_answers_tell_the_salt_once_to_their_caller(member: Member) -> None:
    http = member.http
    for path, tool, asked in (
        ("/v1/chat/completions", "chat", CHAT),
        ("/v1/embeddings", "embed", EMBED),
        ("/v1/vaas", ATTEST, OUTSIDE),
    ):
        answer = http.post(path, json=asked)
        body, salt = answer.json(), answer.headers["x-vaas-salt"]
        assert body["vaas"]["salt"] == salt
        record_id = body["vaas_record_id"]
        payload = evidence_of(http, record_id)
        check(payload, tool, asked, {**OUTSIDE, **body} if tool == ATTEST else body, salt)
        shown = http.get(f"/v1/vaas/{record_id}").json()
        assert (shown["hashes"], "sha256:" + shown["input_hash"]) == ("salted", payload["input_hash"])
        for part in ("", "/evidence", "/receipt", "/bundle", "/verify"):
            assert salt not in http.get(f"/v1/vaas/{record_id}{part}").text
        if tool == ATTEST:
            assert (body["hashes"], body["input_hash"]) == ("salted", shown["input_hash"])
            assert body["input_hash"] != body["output_hash"]  # of the same text


def test_a_stream_tells_it_on_its_last_chunk(member: Member) -> None:
    with member.http.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
        assert "x-vaas-salt" not in answer.headers
        lines = [
            line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: {")
        ]
    chunks = [json.loads(line) for line in lines]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    message = {"role": "assistant", "content": text}
    finish = chunks[-1]["choices"][0]["finish_reason"]
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    vaas = chunks[-1]["vaas"]
    check(evidence_of(member.http, vaas["record_id"]), "chat", CHAT, whole, vaas["salt"])


def test_mcp_tells_it_beside_the_evidence(member: Member) -> None:
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "embed", "arguments": EMBED},
    }
    accepts = {"accept": "application/json, text/event-stream"}
    text = member.http.post("/v1/mcp", json=asked, headers=accepts).text
    [line] = [line for line in text.splitlines() if line.startswith(("{", "data: {"))]
    result = json.loads(line.removeprefix("data: "))["result"]
    payload = result["_meta"]["batchin/evidence"]["payload"]
    check(payload, "embed", EMBED, result["structuredContent"], result["_meta"]["batchin/salt"])


def test_tasks_of_a_batch_are_salted_as_their_key_asks(member: Member) -> None:
    tasks = [{"custom_id": "a", "model": EMBED["model"], "request_body": EMBED}]
    made = member.http.post("/v1/batches", json={"tasks": tasks}).json()
    deadline = time.monotonic() + 60
    while (found := member.http.get(f"/v1/batches/{made['id']}").json())["status"] != "completed":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    [vaas] = _named(found, "vaas")
    assert evidence_of(member.http, vaas["record_id"])["hashes"] == "salted"
    told = member.http.get(f"/v1/vaas/{vaas['record_id']}/salt").json()
    assert told == {"record_id": vaas["record_id"], "hashes": "salted", "salt": vaas["salt"]}


def _named(value: Any, name: str) -> list[Any]:
    """Every member of that name, wherever it stands."""
    if isinstance(value, dict):
        found = [item for key, item in value.items() if key == name]
        return found + [item for inner in value.values() for item in _named(inner, name)]
    return [item for inner in value for item in _named(inner, name)] if isinstance(value, list) else []


def test_a_repeated_request_tells_the_same_salt(member: Member) -> None:
    once = {"idempotency-key": member.key_id}
    first, again = (member.http.post("/v1/embeddings", json=EMBED, headers=once) for _ in range(2))
    assert first.headers["x-vaas-salt"] == again.headers["x-vaas-salt"]
    assert first.json() == again.json()


def test_others_never_see_it(
    member: Member, join: Callable[[], Member], live_server: LiveServer
) -> None:
    answer = member.http.post("/v1/embeddings", json=EMBED)
    names = [answer.headers["x-vaas-record-id"], answer.headers["x-batchin-run-id"]]
    stranger = join().http
    for name in names:
        assert member.http.get(f"/v1/vaas/{name}/salt").json()["salt"] == answer.headers["x-vaas-salt"]
        assert stranger.get(f"/v1/vaas/{name}/salt").status_code == 404
        assert httpx.get(f"{live_server.url}/v1/vaas/{name}/salt", trust_env=False).status_code == 401
    plain = stranger.post("/v1/embeddings", json=EMBED)
    assert "x-vaas-salt" not in plain.headers
    told = stranger.get(f"/v1/vaas/{plain.headers['x-vaas-record-id']}/salt").json()
    assert (told["hashes"], told["salt"]) == ("plain", None)
    database = (Path(live_server.data_dir) / "batchin.db").read_bytes()
    assert answer.headers["x-vaas-salt"].encode() not in database
