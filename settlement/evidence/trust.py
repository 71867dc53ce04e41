"""Which keys a verifier believes: never those that a bundle brings along itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from settlement.evidence.checkpoint import LogKey, log_key_from
from settlement.evidence.spelling import public_key_from

_HEX_KEY: Final = 64


class UnreadableKeys(ValueError):
    """A list of keys or a pinned key that is spelled in no known way; the message says which."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A receipt key and when it was in use, in milliseconds, both ends included; None: still.

    A key that came into wrong hands can sign with any time: ``revoked_size`` is how many records the log
    held at its end, and what stands behind them, or in no log, is not believed. None: not revoked.
    """

    public_key: bytes
    not_before_ms: int = 0
    not_after_ms: int | None = None
    revoked_size: int | None = None

    def valid_at(self, at_ms: int) -> bool:
        return self.not_before_ms <= at_ms and (self.not_after_ms is None or at_ms <= self.not_after_ms)

    def held_before(self, leaf_index: int | None) -> bool:
        """Whether a record with that place in the log is older than the key's revocation."""
        if self.revoked_size is None:
            return True
        return leaf_index is not None and leaf_index < self.revoked_size

    def revoked(self, at_ms: int, size: int) -> Self:
        """The same key, not to be believed from then on; an earlier end stands."""
        until = at_ms if self.not_after_ms is None else min(at_ms, self.not_after_ms)
        kept = size if self.revoked_size is None else min(size, self.revoked_size)
        return replace(self, not_after_ms=until, revoked_size=kept)

    def ended(self, at_ms: int) -> Self:
        """The same key, no longer in use; an earlier end stands."""
        return self if self.not_after_ms is not None else replace(self, not_after_ms=at_ms)


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys believed for records and receipts, and those believed for the log's checkpoints."""

    keys: tuple[TrustedKey, ...] = ()
    log_keys: tuple[LogKey, ...] = ()

    def find(self, public_key: bytes) -> TrustedKey | None:
        return next((key for key in self.keys if key.public_key == public_key), None)


NOBODY: Final = Trust()


def trust_from_document(document: Any) -> Trust:
    """The keys of a saved answer of ``GET /v1/vaas/pubkey/current``. Raises UnreadableKeys."""
    if not isinstance(document, Mapping):
        raise UnreadableKeys("The key list is not a JSON object.")
    items = document.get("keys")
    if not isinstance(items, list):
        raise UnreadableKeys("The key list has no member keys.")
    log = document.get("log")
    vkey = log.get("verifier_key") if isinstance(log, Mapping) else None
    return Trust(tuple(_key(item) for item in items), () if vkey is None else (_log_key(vkey),))


def trust_from_pins(pins: Iterable[str]) -> Trust:
    """Keys named one by one: ``ed25519:pk_<hex>`` or plain hex for receipts, a C2SP verifier key
    (``name+hash+base64``) for the log. A pinned receipt key is believed at any time.

    Raises UnreadableKeys.
    """
    keys: list[TrustedKey] = []
    log_keys: list[LogKey] = []
    for pin in pins:
        if "+" in pin:
            log_keys.append(_log_key(pin))
        else:
            keys.append(TrustedKey(_public_key(pin)))
    return Trust(tuple(keys), tuple(log_keys))


def _key(item: Any) -> TrustedKey:
    if not isinstance(item, Mapping):
        raise UnreadableKeys("An entry of keys is not an object.")
    since, until = item.get("not_before_ms"), item.get("not_after_ms")
    if type(since) is not int or not (until is None or type(until) is int):
        raise UnreadableKeys("not_before_ms and not_after_ms of a key should be integers.")
    size = item.get("revoked_log_size")
    if not (size is None or type(size) is int):
        raise UnreadableKeys("revoked_log_size of a key should be an integer or null.")
    return TrustedKey(_public_key(item.get("public_key")), since, until, size)


def _public_key(text: Any) -> bytes:
    spelled = f"ed25519:pk_{text}" if isinstance(text, str) and len(text) == _HEX_KEY else text
    key = public_key_from(spelled)
    if key is None:
        raise UnreadableKeys("A public key should be ed25519:pk_ and 64 lower-case hex digits.")
    return key


def _log_key(text: Any) -> LogKey:
    key = log_key_from(text)
    if key is None:
        raise UnreadableKeys("A log key should be a C2SP verifier key: name+hash+base64.")
    return key
