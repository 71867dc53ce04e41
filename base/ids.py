"""Ids: one 128-bit number names an execution; its run, record and audit ids are spellings of it.

Ids are UUIDv7 (RFC 9562 section 5.7): time-ordered, so that rows land at the end of their index, with
74 random bits, so that a public record id can't be guessed from another.
"""

import secrets
import time
import uuid

_RUN = "run_"
_RECORD = "vaas_"


def new_uuid() -> uuid.UUID:
    """A fresh UUIDv7."""
    ms = time.time_ns() // 1_000_000
    tail = secrets.randbits(74)
    value = (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62
    return uuid.UUID(int=value | tail & (1 << 62) - 1)


def new_id(prefix: str) -> str:
    """A fresh id of the form ``<prefix>_<32 hex>``."""
    return f"{prefix}_{new_uuid().hex}"


def new_run_id() -> str:
    return _RUN + new_uuid().hex


def record_id_of(run_id: str) -> str:
    """The evidence record id (``vaas_...``) of a run."""
    return _RECORD + run_id.removeprefix(_RUN)


def audit_id_of(run_id: str) -> str:
    """The audit id (a UUID) of a run."""
    return str(uuid.UUID(run_id.removeprefix(_RUN)))


def run_id_from(any_id: str) -> str | None:
    """The run id behind a run, record or audit id; None when it is none of them."""
    tail = any_id.removeprefix(_RUN).removeprefix(_RECORD)
    try:
        return _RUN + uuid.UUID(tail).hex
    except ValueError:
        return None
