"""What a server's operator sees of it: balances, holds, metrics and the log."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import create_engine

from server.admin import AdminClient
from server.tables import DATABASE
from settlement.ledger.books import Audit, audit
from tests.live import LiveServer

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Money:
    """What every account has and holds, in nano-USD, and how many holds are open."""

    accounts: dict[str, tuple[int, int]]
    holds: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A row of the table of payments, as far as tests ask."""

    run_id: str
    state: str
    charged_nano_usd: int
    amount_atomic: int
    transaction: str


_PAYMENTS = (
    "SELECT run_id, state, charged_nano_usd, amount_atomic, transaction_hash FROM payment"
    " WHERE payer = ? ORDER BY created_at_ms, run_id"
)


class _OnDisk:
    """Reads a database that a server works on."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")

    async def read(self, statement: Any) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(statement)]


class Watched:
    """Looks at a running server from the operator's side."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=60, trust_env=False)

    @property
    def log(self) -> Path:
        return self.server.data_dir.parent / f"{self.server.data_dir.name}.log"

    def money(self) -> Money:
        accounts = self.ask("accounts.list")
        return Money(
            {row["id"]: (row["balance_nano_usd"], row["held_nano_usd"]) for row in accounts},
            int(self.metrics()["batchin_holds"]),
        )

    def ask(self, operation: str, **arguments: Any) -> Any:
        """What the server answers on its admin socket; tests that are in a loop may ask too."""
        call = AdminClient(self.server.data_dir).call(operation, **arguments)
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(asyncio.run, call).result()

    def metrics(self) -> dict[str, float]:
        text = self.http.get("/metrics").text
        lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement finds in the database on the disk."""
        path = self.server.data_dir / DATABASE
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return list(connection.execute(query, values))

    def payments(self, payer: str) -> list[Payment]:
        """The x402 payments of a wallet, oldest first."""
        found = self.rows(_PAYMENTS, payer.lower())
        return [Payment(*row) for row in found]

    async def audit(self) -> Audit:
        """The audit of the books, from the database on the disk."""
        return await audit(_OnDisk(self.server.data_dir / DATABASE))  # type: ignore[arg-type] # it reads

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
        assert before.holds == 0
        self.eventually("nothing was taken and nothing is held", lambda: self.money() == before)

    def eventually(self, what: str, check: Any, within_s: float = PATIENCE_S) -> None:
        """Poll until ``check()`` holds."""
        deadline = time.monotonic() + within_s
        while not check():
            assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
            time.sleep(0.01)
