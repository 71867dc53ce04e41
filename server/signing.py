"""Operations on the key that signs records and receipts: which there were, and a new one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from base.clock import Clock
from base.errors import InvalidRequest, NotFound
from base.secret_file import KeyFileError
from base.settings import Settings
from base.signer import Signer
from base.signers import outside_keys
from base.signing import file_signer
from server.operations import Arguments, NoArguments, Operation
from settlement.evidence.keyring import KeyRing
from settlement.evidence.log import size_at
from storage.op import Store

Integrate = Callable[[], Awaitable[int]]
Rotated = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Nobody shows the keys."""


async def _integrated() -> int:
    """Nothing waits for its place in the log."""
    return 0


class RevokeArguments(Arguments):
    """Which key, and since when (Unix milliseconds) it is not to be believed; by default now."""

    key_id: str = Field(pattern=r"^[0-9a-f]{8}$")
    since_ms: int | None = Field(None, ge=0)


@dataclass(frozen=True, slots=True)
class SigningOffice:
    """``ring`` opens the keys; ``rotated`` is awaited after they changed. ``store`` holds the log, and
    ``integrate`` gives what is committed its place there."""

    ring: Callable[[], KeyRing]
    store: Store
    rotated: Rotated = _nothing
    integrate: Integrate = _integrated
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def operations(self) -> Mapping[str, Operation]:
        return {
            "signing.list": Operation(NoArguments, self._list),
            "signing.rotate": Operation(NoArguments, self._rotate),
            "signing.revoke": Operation(RevokeArguments, self._revoke),
        }

    async def _list(self, _: NoArguments) -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = self.ring().document()["keys"]
        return keys

    async def _rotate(self, _: NoArguments) -> dict[str, Any]:
        async with self.turn:
            ring = self.ring()
            _check_ours(ring)
            await _switched(ring)
            await self.rotated()
        shown: dict[str, Any] = ring.document()["keys"][-1]
        return shown

    async def _revoke(self, asked: RevokeArguments) -> dict[str, Any]:
        """The key in use is rotated out first; what it signed until then gets its place in the log."""
        async with self.turn:
            ring = self.ring()
            if ring.find(asked.key_id) is None:
                raise NotFound(f"There is no key {asked.key_id}.", param="key_id")
            if ring.current.key_id == asked.key_id:
                _check_ours(ring)
                await _switched(ring)
            await self.integrate()
            now_ms = ring.clock.now_ms()
            at_ms = now_ms if asked.since_ms is None else asked.since_ms
            if at_ms > now_ms:
                raise InvalidRequest("since lies in the future.", param="since_ms")
            ring.revoke(asked.key_id, at_ms, await size_at(self.store, at_ms))
            await asyncio.to_thread(ring.save)
            await self.rotated()
        found = ring.find(asked.key_id)
        assert found is not None
        return found


def _check_ours(ring: KeyRing) -> None:
    """Raises InvalidRequest where the key in use is not the server's to replace."""
    if not ring.ours:
        raise InvalidRequest(
            "The key in use is not a file of this server: record_signer names where it is.",
            resolution=(
                "Put a new key there, name it by record_public_key where a service has it, and restart: "
                "the old one ends then."
            ),
        )


async def _switched(ring: KeyRing) -> None:
    """The switch happens on the loop, between two records; the disk is waited for beside it."""
    prepared = await asyncio.to_thread(ring.prepare)
    ring.adopt(prepared)
    await asyncio.to_thread(ring.save)


def log_signer_of(settings: Settings, folder: Path) -> Signer:
    """The signer of the log's checkpoints that the settings name. Raises KeyFileError."""
    token = settings.log_signer_token
    outside = outside_keys(
        settings.log_signer, settings.log_public_key, token.get_secret_value() if token else ""
    )
    return outside.current if outside else file_signer(folder / "log.key")


def ring_of(settings: Settings, folder: Path, clock: Clock, log: Signer) -> KeyRing:
    """The keys of records, with the one in use where the settings name it.

    Raises KeyFileError, for the key of the log too: one key has one job.
    """
    token = settings.record_signer_token
    outside = outside_keys(
        settings.record_signer, settings.record_public_key, token.get_secret_value() if token else ""
    )
    if outside is not None and outside.current.public_key == log.public_key:
        raise KeyFileError("record_signer and log_signer name one key: each needs its own.")
    return KeyRing.open(folder, clock, outside)
