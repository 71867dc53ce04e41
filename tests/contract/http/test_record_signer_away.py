"""The service that signs records dies, lies, hangs or has another key: at every door nobody is charged
for what has no record, a batch waits for its records, and each is charged once when it is back."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from base.money import usd_to_nano
from base.signing import SeedSigner
from tests.live import API_KEY, LiveServer, running
from tests.watched import Watched

pytestmark = pytest.mark.timeout(400)  # it waits for signatures that do not come

KEY, ANOTHER = SeedSigner(b"k" * 32), SeedSigner(b"a" * 32)
CHAT, EMBED, ATTEST = "/v1/chat/completions", "/v1/embeddings", "/v1/vaas"
QUESTION = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Say hi."}],
    "max_tokens": 3,
}
CALLS: dict[str, dict[str, Any]] = {
    CHAT: QUESTION,
    EMBED: {"model": "bge-m3", "input": "one text"},
    ATTEST: {"input_text": "1 + 1?", "output_text": "2", "model_id": "gpt-elsewhere"},
}


@dataclass
class Service:
    """Signs, or does what its ``mood`` says; ``asked`` counts what it was asked for, ``refused`` what it
    answered with an error."""

    mood: str = "signs"
    asked: int = 0
    refused: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def listening(self) -> Iterator[str]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                service.asked += 1
                answer = service.answer(base64.b64decode(body["message"]))
                if answer is None:
                    self.close_connection = True
                    return
                status, told = answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/sign"
        finally:
            self.over.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, message: bytes) -> tuple[int, Any] | None:
        mood = self.mood
        if mood == "hangs":
            self.over.wait(60)
        if mood in ("hangs", "dies"):
            return None
        if mood == "errs" or (mood == "signs no chat" and b'"tool":"chat"' in message):
            self.refused += 1
            return 500, {"error": "no"}
        signer = ANOTHER if mood == "has another key" else KEY
        signature = bytes(64) if mood == "lies" else signer.sign(message)
        return 200, {"signature": base64.b64encode(signature).decode()}


@dataclass
class House:
    service: Service
    server: LiveServer
    http: httpx2.Client

    @property
    def books(self) -> Any:
        """What an account sees of its money and its calls."""
        return self.http.get("/v1/users/me").json(), self.http.get("/v1/usage/summary").json()

    @property
    def balance_nano_usd(self) -> int:
        return usd_to_nano(self.http.get("/v1/users/me").json()["credit_balance_usd"])

    def has_no_record(self, answer: httpx2.Response) -> bool:
        run_id = answer.headers["x-batchin-run-id"]
        return self.http.get(f"/v1/vaas/{run_id}/evidence").status_code == 404


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service is away when the server starts."""
    service, folder = Service(mood="dies"), tmp_path_factory.mktemp("signed")
    with service.listening() as url, running(folder / "data", **_signed_at(url)) as server:
        headers = {"authorization": f"Bearer {API_KEY}"}
        with httpx2.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as http:
            yield House(service, server, http)


def _signed_at(url: str) -> dict[str, str]:
    return {
        "BATCHIN_X402": "false",
        "BATCHIN_RECORD_SIGNER": url,
        "BATCHIN_RECORD_PUBLIC_KEY": KEY.public_key.hex(),
    }


@pytest.mark.parametrize("mood", ["dies", "errs", "lies", "has another key"])
def test_nobody_is_charged_without_a_record_at_any_door(house: House, mood: str) -> None:
    house.service.mood = mood
    before = house.books
    for path, body in CALLS.items():
        answer = house.http.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable"), path
        assert house.has_no_record(answer)
    streamed = house.http.post(CHAT, json={**QUESTION, "stream": True})
    assert "[DONE]" not in streamed.text
    assert '"vaas"' not in streamed.text
    last = [line for line in streamed.text.splitlines() if line.startswith("data: {")][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "service_unavailable"
    assert house.has_no_record(streamed)
    watched = Watched(house.server)
    watched.eventually("what was held is free again", lambda: watched.money().holds == 0)
    assert house.books == before
    house.service.mood = "signs"
    for path, body in CALLS.items():
        assert house.http.post(path, json=body).status_code == 200, path


def test_a_service_that_hangs_holds_up_its_own_calls_alone(house: House) -> None:
    house.service.mood = "hangs"
    before, asked, watched = house.books, house.service.asked, Watched(house.server)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(house.http.post, path, json=body) for path, body in CALLS.items()]
        watched.eventually("it is asked", lambda: house.service.asked > asked)
        assert house.http.get("/v1/models").status_code == 200
        answers = [call.result() for call in calls]
    house.service.over.set()
    assert {answer.status_code for answer in answers} == {503}
    assert all(house.has_no_record(answer) for answer in answers)
    watched.eventually("what was held is free again", lambda: watched.money().holds == 0)
    assert house.books == before
    house.service.mood = "signs"
    assert house.http.post(ATTEST, json=CALLS[ATTEST]).status_code == 200


def test_a_batch_waits_for_its_records_and_pays_each_once(house: House) -> None:
    house.service.mood, house.service.refused = "signs no chat", 0
    body = {name: QUESTION[name] for name in ("messages", "max_tokens")}
    tasks = [{"custom_id": f"t{n}", "model": "qwen3-32b", "request_body": body} for n in range(4)]
    made = house.http.post("/v1/batches", json={"priority": "high", "tasks": tasks}).json()
    watched = Watched(house.server)
    batch = f"/v1/batches/{made['id']}"
    watched.eventually("its tasks were tried again", lambda: house.service.refused > len(tasks))
    told = house.http.get(batch).json()
    assert (told["completed_tasks"], told["failed_tasks"]) == (0, 0)
    house.service.mood = "signs"
    watched.eventually("it ends", lambda: house.http.get(batch).json()["status"] == "completed")
    found = house.http.get(batch).json()
    assert (found["completed_tasks"], found["failed_tasks"]) == (4, 0)
    runs = {task["run_id"] for task in found["tasks"]}
    charged = 0
    for run_id in runs:
        bundle = house.http.get(f"/v1/vaas/{run_id}/bundle").json()
        charged += int(bundle["receipt"]["receipt_payload"]["charged_nano_usd"])
    assert len(runs) == 4
    booked = watched.rows(
        f"SELECT count(*), sum(charged_nano_usd) FROM usage WHERE run_id IN ({','.join('?' * 4)})", *runs
    )
    assert booked == [(4, charged)]
    assert watched.money().holds == 0
