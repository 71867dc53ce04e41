"""What a server's operator sees of it: balances, holds, metrics and the log."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from server.admin import AdminClient
from tests.live import LiveServer

PATIENCE_S = 10


@dataclass(frozen=True, slots=True)
class Money:
    """What every account has and holds, in nano-USD, and how many holds are open."""

    accounts: dict[str, tuple[int, int]]
    holds: int


class Watched:
    """Looks at a running server from the operator's side."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=30, trust_env=False)

    @property
    def log(self) -> Path:
        return self.server.data_dir.parent / f"{self.server.data_dir.name}.log"

    def money(self) -> Money:
        accounts = asyncio.run(AdminClient(self.server.data_dir).call("accounts.list"))
        return Money(
            {row["id"]: (row["balance_nano_usd"], row["held_nano_usd"]) for row in accounts},
            int(self.metrics()["batchin_holds"]),
        )

    def metrics(self) -> dict[str, float]:
        text = self.http.get("/metrics").text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    @contextmanager
    def logged(self) -> Iterator[list[dict[str, Any]]]:
        """The log's lines of what happens inside, known at the end."""
        begin, offset = self._mark(), self.log.stat().st_size
        lines: list[dict[str, Any]] = []
        yield lines
        end = self._mark()
        deadline = time.monotonic() + PATIENCE_S
        while end not in (written := self.log.read_bytes()[max(0, offset - 65_536) :]):
            assert time.monotonic() < deadline, "the log's line did not come"
            time.sleep(0.01)
        inside = written[written.index(begin) : written.index(end)].splitlines()[1:-1]
        lines += [orjson.loads(line) for line in inside]

    def _mark(self) -> bytes:
        """A line of ours in the log, by its request id."""
        return self.http.get("/v1/models/qwen3-32b").headers["x-request-id"].encode()

    @contextmanager
    def free_of_charge(self, *secrets: str) -> Iterator[list[dict[str, Any]]]:
        """Nothing that happens inside costs or reserves anything, and it has one line in the log, which
        holds no ``secrets``. The list is that line's, filled at the end."""
        before = self.money()
        with self.logged() as lines:
            yield lines
        assert len(lines) == 1, lines
        written = orjson.dumps(lines).decode()
        assert not [secret for secret in (self.server.api_key, *secrets) if secret in written], written
        after = self.money()
        assert after == before
        assert after.holds == 0

    def eventually(self, what: str, check: Any, within_s: float = PATIENCE_S) -> None:
        """Poll until ``check()`` holds."""
        deadline = time.monotonic() + within_s
        while not check():
            assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
            time.sleep(0.01)
