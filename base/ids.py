"""Ids: one 128-bit number names an execution; its run, record and audit ids are spellings of it.

Ids are UUIDv7 (RFC 9562 section 5.7): time-ordered, so that rows land at the end of their index, with
74 random bits, so that a public record id can't be guessed from another.
"""

import os
import time
import uuid

_RUN = "run_"
_RECORD = "vaas_"


def new_uuid() -> uuid.UUID:
    """A fresh UUIDv7."""
    return uuid.UUID(int=_new_number())


def new_id(prefix: str) -> str:
    """A fresh id of the form ``<prefix>_<32 hex>``."""
    return f"{prefix}_{_new_number():032x}"


def new_run_id() -> str:
    return f"{_RUN}{_new_number():032x}"


def record_id_of(run_id: str) -> str:
    """The evidence record id (``vaas_...``) of a run."""
    return _RECORD + run_id.removeprefix(_RUN)


def audit_id_of(run_id: str) -> str:
    """The audit id (a UUID) of a run."""
    digits = run_id.removeprefix(_RUN)
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def run_id_from(any_id: str) -> str | None:
    """The run id behind a run, record or audit id; None when it is none of them."""
    tail = any_id.removeprefix(_RUN).removeprefix(_RECORD)
    try:
        return _RUN + uuid.UUID(tail).hex
    except ValueError:
        return None


def is_made_by(object_id: str, run_id: str) -> bool:
    """Whether an object's id is spelled from the run that made it: ``video_<hex>``,
    ``resp_chatcmpl_<hex>``, ``file_video_<hex>``, the UUID of a batch."""
    return run_id_from(object_id.rpartition("_")[2]) == run_id


def _new_number() -> int:
    """The 128 bits of a UUIDv7: 48 of milliseconds, the version, 12 random, the variant, 62 random."""
    ms = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    high, low = random >> 68, random & (1 << 62) - 1
    return (ms & (1 << 48) - 1) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
