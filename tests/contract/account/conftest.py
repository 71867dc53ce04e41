"""Two accounts at the shared server, each seen through keys of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from base.ids import new_id
from tests.live import LiveServer
from tests.watched import Watched

CHAT: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "Say yes."}],
    "max_tokens": 4,
}
EMBED: dict[str, Any] = {"model": "bge-m3", "input": ["one", "two"]}


@dataclass(frozen=True, slots=True)
class Member:
    """An account with a balance of one dollar, and an HTTP client that shows one of its keys."""

    account_id: str
    key_id: str
    http: httpx.Client

    def with_key(self, key: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.http.base_url,
            headers={"authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        )


@pytest.fixture
def join(live_server: LiveServer) -> Iterator[Callable[[], Member]]:
    """Makes a new account with a key."""
    watched = Watched(live_server)
    joined: list[Member] = []

    def make() -> Member:
        account = watched.ask("accounts.create", name=new_id("member"), email="someone@example.com")
        watched.ask(
            "accounts.credit", account=account["id"], amount_nano_usd=10**9, reference=account["id"]
        )
        key = watched.ask("keys.create", account=account["id"], name="first")
        http = httpx.Client(
            base_url=live_server.url,
            headers={"authorization": f"Bearer {key['key']}"},
            timeout=60,
            trust_env=False,
        )
        joined.append(Member(account["id"], key["id"], http))
        return joined[-1]

    yield make
    for member in joined:
        member.http.close()
