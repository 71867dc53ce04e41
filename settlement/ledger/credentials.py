"""Values of API keys and wallet tokens: what is shown once, what is listed, what is kept in memory."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from base.allowance import Allowance
from base.caller import Caller, CallerKind
from settlement.ledger.months import month_of
from storage.op import Row

KEY_PREFIX: Final = "batchin_api_"
TOKEN_PREFIX: Final = "batchin_wallet_"
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may do. Scopes name endpoints, models and tools; none means all. None is no limit.
    ``streams_responses`` is the switch of streamed answers on ``/v1/responses``, ``salts_hashes`` that
    of salted hashes in evidence (settlement.evidence.salting), ``keeps_samples`` that of samples of its
    calls, for regressions of prompts (tools.prompts.samples)."""

    workspace: str = "default"
    lane: str = "shared"
    region: str = "local"
    scopes: frozenset[str] = frozenset()
    rate_limit_rpm: int | None = None
    rate_limit_tpm: int | None = None
    max_concurrency: int | None = None
    monthly_budget_nano_usd: int | None = None
    expires_at_ms: int | None = None
    streams_responses: bool = True
    salts_hashes: bool = False
    keeps_samples: bool = False


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it may be listed: never the secret. ``kind`` is ``key`` or ``wallet``; spending is of
    the UTC month ``month`` (YYYYMM)."""

    id: str
    account_id: str
    kind: str
    prefix: str
    name: str
    limits: KeyLimits
    month: int
    spent_nano_usd: int
    held_nano_usd: int
    created_at_ms: int
    revoked_at_ms: int | None

    def spent_in(self, now_ms: int) -> int:
        """What it spent in the UTC month of ``now_ms``, in nano-USD."""
        return self.spent_nano_usd if month_of(now_ms) == self.month else 0

    def is_active(self, now_ms: int) -> bool:
        expires_at_ms = self.limits.expires_at_ms
        return self.revoked_at_ms is None and (expires_at_ms is None or now_ms < expires_at_ms)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only time that ``key`` itself is known."""

    id: str
    key: str = field(repr=False)
    info: KeyInfo


@dataclass(frozen=True, slots=True)
class Credential:
    """What authentication keeps of a key or token: its digest, who it is, until when."""

    digest: bytes = field(repr=False)
    caller: Caller
    expires_at_ms: int | None
    serial: int


def new_secret() -> str:
    """A fresh API key, of 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def prefix_of(secret: str) -> str:
    """The public beginning of a key or token, such as ``batchin_api_Ab12``."""
    kind = TOKEN_PREFIX if secret.startswith(TOKEN_PREFIX) else KEY_PREFIX
    return secret[: len(kind) + _SHOWN]


def key_row(info: KeyInfo, digest: bytes, serial: int) -> Row:
    """The row of a key; of its secret it holds the digest alone."""
    return {
        "id": info.id,
        "account_id": info.account_id,
        "kind": info.kind,
        "digest": digest,
        "serial": serial,
        "prefix": info.prefix,
        "name": info.name,
        "workspace": info.limits.workspace,
        "lane": info.limits.lane,
        "region": info.limits.region,
        "scopes": " ".join(sorted(info.limits.scopes)),
        "rate_limit_rpm": info.limits.rate_limit_rpm,
        "rate_limit_tpm": info.limits.rate_limit_tpm,
        "max_concurrency": info.limits.max_concurrency,
        "streams_responses": info.limits.streams_responses,
        "salts_hashes": info.limits.salts_hashes,
        "keeps_samples": info.limits.keeps_samples,
        "monthly_budget_nano": info.limits.monthly_budget_nano_usd,
        "month": info.month,
        "spent_nano": info.spent_nano_usd,
        "held_nano": info.held_nano_usd,
        "created_at_ms": info.created_at_ms,
        "expires_at_ms": info.limits.expires_at_ms,
        "revoked_at_ms": info.revoked_at_ms,
    }


def info_from(row: Row) -> KeyInfo:
    limits = KeyLimits(
        row["workspace"],
        row["lane"],
        row["region"],
        frozenset(row["scopes"].split()),
        row["rate_limit_rpm"],
        row["rate_limit_tpm"],
        row["max_concurrency"],
        row["monthly_budget_nano"],
        row["expires_at_ms"],
        bool(row["streams_responses"]),
        bool(row["salts_hashes"]),
        bool(row["keeps_samples"]),
    )
    return KeyInfo(
        row["id"],
        row["account_id"],
        row["kind"],
        row["prefix"],
        row["name"],
        limits,
        row["month"],
        row["spent_nano"],
        row["held_nano"],
        row["created_at_ms"],
        row["revoked_at_ms"],
    )


def credential_from(row: Row) -> Credential:
    allowance = Allowance(row["rate_limit_rpm"], row["rate_limit_tpm"], row["max_concurrency"])
    caller = Caller(
        CallerKind.WALLET if row["kind"] == "wallet" else CallerKind.ACCOUNT,
        row["account_id"],
        row["id"],
        row["lane"],
        row["region"],
        row["workspace"],
        frozenset(row["scopes"].split()),
        allowance or None,
        bool(row["streams_responses"]),
        bool(row["salts_hashes"]),
        bool(row["keeps_samples"]),
    )
    return Credential(row["digest"], caller, row["expires_at_ms"], row["serial"])
