"""Real bundles of every kind, gathered from one server with its chain as its customers would.

What is tampered with in a campaign should be what a caller saves, not what a test makes.
"""

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import orjson
from eth_account import Account

from server.admin import AdminClient
from server.demo.wallet import Wallet
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from settlement.evidence.trust import Trust, trust_from_document
from settlement.evidence.verify import NO_BODIES, Bodies
from tests.live import LiveServer
from tests.long_answer import LONG

PATIENCE_S: Final = 60
CHAT, EMBED, ATTEST = "/v1/chat/completions", "/v1/embeddings", "/v1/vaas"
QUESTION: Final[dict[str, Any]] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Say hi."}],
    "max_tokens": 3,
}
TEXT: Final[dict[str, Any]] = {"model": "bge-m3", "input": "the quick brown fox"}
TEXTS: Final[dict[str, Any]] = {
    "input_text": "What is 2 + 2?",
    "output_text": "4.",
    "model_id": "gpt-elsewhere",
    "policy": {"review_at": 0.3},
}


@dataclass(frozen=True, slots=True)
class Saved:
    """One call as its caller keeps it. ``statement`` is the x402 receipt (JWS) of a paid one."""

    kind: str
    bundle: Any
    bodies: Bodies = NO_BODIES
    statement: str = ""


@dataclass(frozen=True, slots=True)
class _Made:
    kind: str
    record_id: str
    bodies: Bodies = NO_BODIES
    statement: str = ""


@dataclass
class Shopper:
    """Calls a server in every way that leaves a bundle, and keeps what a caller keeps."""

    server: LiveServer
    http: httpx2.Client
    made: list[_Made] = field(default_factory=list)
    salted_key: str = ""
    wallet: Wallet | None = None

    def open(self) -> None:
        """A key whose hashes are salted, and a wallet with money."""
        (account,) = self.operate("accounts.list")
        made = self.operate("keys.create", account=account["id"], salts_hashes=True)
        self.salted_key = str(made["key"])
        account = Account.create()
        asyncio.run(fund(self.server.rpc_url, account.address, 100_000_000))
        self.wallet = Wallet(account, NETWORK, USDC, 100_000)

    def operate(self, operation: str, **arguments: Any) -> Any:
        return asyncio.run(AdminClient(self.server.data_dir).call(operation, **arguments))

    @property
    def trust(self) -> Trust:
        return trust_from_document(self.keys)

    @property
    def keys(self) -> Any:
        return self.http.get("/v1/vaas/pubkey/current").json()

    def round(self) -> None:
        """One call of each kind."""
        for call in (
            self.plain,
            self.salted,
            self.streamed,
            self.cut,
            self.batched,
            self.attested,
            self.paid,
            self.paid_stream,
        ):
            call()

    def plain(self) -> None:
        answer = self._post(CHAT, QUESTION)
        self._keep("plain", answer, Bodies(QUESTION, answer.json()))

    def salted(self) -> None:
        answer = self._post(CHAT, QUESTION, self.salted_key)
        salt = bytes.fromhex(answer.headers["x-vaas-salt"])
        self._keep("salted", answer, Bodies(QUESTION, answer.json(), salt))

    def streamed(self) -> None:
        asked = {**QUESTION, "stream": True}
        with self.http.stream("POST", CHAT, json=asked, headers=_bearer(self.server.api_key)) as answer:
            answer.read()
        self._keep("streamed", answer, Bodies(asked))

    def cut(self) -> None:
        """The reader leaves after the first words."""
        asked = {**LONG, "stream": True}
        with self.http.stream("POST", CHAT, json=asked, headers=_bearer(self.server.api_key)) as answer:
            words = (line for line in answer.iter_lines() if line.startswith("data: {"))
            assert [next(words) for _ in range(4)]
        record_id = answer.headers["x-vaas-record-id"]
        self._evidence(record_id)
        self._keep("partial", answer, Bodies(asked))

    def batched(self) -> None:
        body = {name: QUESTION[name] for name in ("messages", "max_tokens")}
        tasks = [{"custom_id": "a", "model": QUESTION["model"], "request_body": body}]
        batch = self._post("/v1/batches", {"priority": "high", "tasks": tasks}).json()

        def ended() -> Any:
            found = self._get(f"/v1/batches/{batch['id']}").json()
            return found if found["status"] == "completed" else None

        (task,) = eventually("the batch has ended", ended)["tasks"]
        record = self._get(f"/v1/vaas/{task['run_id']}").json()
        self.made.append(_Made("batch", record["record_id"], Bodies(None, task["result"])))

    def attested(self) -> None:
        answer = self._post(ATTEST, TEXTS)
        self._keep("attested", answer, Bodies(TEXTS, {**TEXTS, **answer.json()}))

    def paid(self) -> None:
        answer = self._pay(EMBED, TEXT)
        settled = orjson.loads(base64.b64decode(answer.headers["payment-response"]))
        jws = settled["extensions"]["offer-receipt"]["info"]["receipt"]["signature"]
        self._keep("paid", answer, Bodies(TEXT, answer.json()), jws)

    def paid_stream(self) -> None:
        asked = {**QUESTION, "stream": True}
        self._keep("paid stream", self._pay(CHAT, asked), Bodies(asked))

    def rotate(self) -> None:
        self.operate("signing.rotate")

    def register(self) -> None:
        """Become an agent of ERC-8004: records name it from here on."""
        self.operate("agent.register")
        self.operate("agent.set_wallet")

    def save(self) -> list[Saved]:
        """Everything that was called since, once it is whole: settled, and in the log."""
        saved = [
            Saved(each.kind, self._whole(each.record_id), each.bodies, each.statement)
            for each in self.made
        ]
        self.made.clear()
        return saved

    def save_anchored(self) -> list[Saved]:
        """The same, once each is anchored too."""
        called = list(self.made)
        self.save()

        return [
            Saved(f"{each.kind}, anchored", self._anchored(each.record_id), each.bodies, each.statement)
            for each in called
        ]

    def _anchored(self, record_id: str) -> Any:
        def anchored() -> Any:
            self.operate("agent.anchor")
            bundle = self._bundle(record_id)
            return bundle if bundle.get("anchor") else None

        return eventually(f"{record_id} is anchored", anchored)

    def _whole(self, record_id: str) -> Any:
        def whole() -> Any:
            bundle = self._bundle(record_id)
            return bundle if bundle["receipt"] and bundle["inclusion"] else None

        return eventually(f"{record_id} has its receipt and its place", whole)

    def _evidence(self, record_id: str) -> None:
        path = f"/v1/vaas/{record_id}/evidence"
        eventually("the record is there", lambda: self.http.get(path).status_code == 200)

    def _bundle(self, record_id: str) -> Any:
        return self._get(f"/v1/vaas/{record_id}/bundle").json()

    def _pay(self, path: str, body: Any) -> httpx2.Response:
        assert self.wallet is not None
        asked = self.http.post(path, json=body)
        assert asked.status_code == 402, asked.text
        challenge = orjson.loads(base64.b64decode(asked.headers["payment-required"]))
        signed = orjson.dumps(asyncio.run(self.wallet.pay(challenge)))
        header = {"PAYMENT-SIGNATURE": base64.b64encode(signed).decode()}
        answer = self.http.post(path, json=body, headers=header)
        assert answer.status_code == 200, answer.text
        return answer

    def _post(self, path: str, body: Any, key: str = "") -> httpx2.Response:
        answer = self.http.post(path, json=body, headers=_bearer(key or self.server.api_key))
        assert answer.status_code == 200, answer.text
        return answer

    def _get(self, path: str) -> httpx2.Response:
        answer = self.http.get(path, headers=_bearer(self.server.api_key))
        assert answer.status_code == 200, answer.text
        return answer

    def _keep(self, kind: str, answer: httpx2.Response, bodies: Bodies, jws: str = "") -> None:
        self.made.append(_Made(kind, answer.headers["x-vaas-record-id"], bodies, jws))


def gathered(server: LiveServer, at_least: int) -> tuple[list[Saved], Any]:
    """Bundles of every kind, before and after a rotation and a registration, and the server's keys."""
    with httpx2.Client(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as http:
        shopper = Shopper(server, http)
        shopper.open()
        saved: list[Saved] = []
        while len(saved) < at_least // 2:
            shopper.round()
            saved += shopper.save()
        shopper.rotate()
        shopper.plain()
        shopper.register()
        while len(saved) < at_least:
            shopper.round()
            saved += shopper.save_anchored()
        return saved, shopper.keys


def eventually(what: str, look: Callable[[], Any]) -> Any:
    """What ``look`` finds, asked until it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)
    return found


def kinds(saved: list[Saved]) -> Iterator[Saved]:
    """The first of each kind."""
    seen: set[str] = set()
    for each in saved:
        if each.kind not in seen:
            seen.add(each.kind)
            yield each


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
