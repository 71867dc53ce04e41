"""Which of several replicas a call goes to: where its prompt's beginning was read before, unless that
one has much more to do than another."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from runtime.engine import EngineCall, Modality

_PREFIX_CHARS: Final = 512
_UNEVEN_BY: Final = 4
_UNEVEN_TIMES: Final = 1.5


class Loaded(Protocol):
    """``id`` is stable over restarts, ``load`` counts the calls that the replica has in hand."""

    @property
    def id(self) -> str: ...

    @property
    def load(self) -> int: ...


LoadedT = TypeVar("LoadedT", bound=Loaded)


def preferred(call: EngineCall, replicas: Sequence[LoadedT]) -> list[LoadedT]:
    """All of them, best first."""
    if len(replicas) == 1:
        return list(replicas)
    by_load = sorted(replicas, key=lambda replica: replica.load)
    prefix = _prefix(call)
    if not prefix:
        return by_load
    key = f"{call.tenant}\0{prefix}".encode("utf-8", "replace")
    home = max(replicas, key=lambda replica: _weight(key, replica.id))
    if _uneven(home.load, by_load[0].load):
        return by_load
    by_load.remove(home)
    return [home, *by_load]


def _weight(key: bytes, replica_id: str) -> bytes:
    """Rendezvous hashing (Thaler and Ravishankar, 1998): a replica that goes moves its own keys only."""
    return hashlib.blake2b(key, key=replica_id.encode()[:64], digest_size=8).digest()


def _uneven(load: int, least: int) -> bool:
    return load - least > _UNEVEN_BY and load > _UNEVEN_TIMES * least


def _prefix(call: EngineCall) -> str:
    """What later calls of a conversation begin with too; "" where no engine keeps what it read."""
    if call.modality is Modality.CHAT:
        return _opening(call.body["messages"])
    if call.modality is Modality.COMPLETION:
        prompt = call.body["prompt"]
        return str(prompt if isinstance(prompt, str) else prompt[0])[:_PREFIX_CHARS]
    return ""


def _opening(messages: Sequence[Any]) -> str:
    """The messages up to the user's first one: they stay, however long the conversation grows."""
    parts: list[str] = []
    for message in messages:
        content = message.get("content")
        parts.append(content[:_PREFIX_CHARS] if isinstance(content, str) else "")
        if message.get("role") == "user":
            break
    return "\n".join(parts)[:_PREFIX_CHARS]
