"""What a wallet of the bridge may still spend, and its tokens at servers: kept beside its key."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from base.money import usd_text


class Unaffordable(Exception):
    """A price above a limit of the wallet's owner; the message says which, and how to raise it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In nano-USD: the most that one call may cost, and the most that is ever signed away."""

    per_call_nano_usd: int
    budget_nano_usd: int


class Purse:
    """The file survives restarts and is shared by every bridge that uses the same wallet.

    It counts what was signed: a signature can't be taken back, whatever became of the call. What moved
    less by what the chain says is given back.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits

    def spend(self, amount_nano_usd: int) -> None:
        """Count an amount, durably, before it is signed. Raises Unaffordable."""
        most = self._limits.per_call_nano_usd
        if amount_nano_usd > most:
            raise Unaffordable(
                f"The call may cost ${usd_text(amount_nano_usd)}, more than the ${usd_text(most)} that "
                "one call may cost. Ask for less output, or raise --max-per-call."
            )
        with self._open() as state:
            spent, budget = state.get("spent_nano_usd", 0), self._limits.budget_nano_usd
            if spent + amount_nano_usd > budget:
                raise Unaffordable(
                    f"The call may cost ${usd_text(amount_nano_usd)}, and ${usd_text(spent)} of the "
                    f"budget of ${usd_text(budget)} are spent. Raise --budget to go on."
                )
            state["spent_nano_usd"] = spent + amount_nano_usd

    def give_back(self, amount_nano_usd: int) -> None:
        """Count an amount less: it was not signed after all, or can't be taken any more."""
        with self._open() as state:
            state["spent_nano_usd"] = max(0, state.get("spent_nano_usd", 0) - amount_nano_usd)

    def token(self, server: str) -> str | None:
        """The token of the sign-in at a server, which spends what payments left there."""
        with self._open() as state:
            token = state.get("tokens", {}).get(server)
        return token if isinstance(token, str) else None

    def keep_token(self, server: str, token: str | None) -> None:
        """Remember a token; None forgets it."""
        with self._open() as state:
            tokens = {**state.get("tokens", {}), server: token}
            state["tokens"] = {name: kept for name, kept in tokens.items() if kept is not None}

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """The state, alone; written back whole unless the block raises."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._path.read_bytes() if self._path.exists() else b"{}"
            state: dict[str, Any] = orjson.loads(before)
            yield state
            after = orjson.dumps(state)
            if after != before:
                self._write(after)
        finally:
            os.close(lock)

    def _write(self, content: bytes) -> None:
        draft = self._path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
