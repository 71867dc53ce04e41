"""What a model can do beside its own modality, and who runs a call for it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from runtime.engine import EngineCall, Event, Fault, Modality
from runtime.refused import refused
from runtime.rerank import ByVectors
from runtime.retold import RunOne

_ALSO: Final[Mapping[Modality, Modality]] = {
    Modality.CHAT: Modality.COMPLETION,
    Modality.EMBEDDING: Modality.RERANK,
}
_WRONG: Final = Fault("invalid", retryable=False, status=400, detail="the model does not do this")


def capabilities(kinds: Iterable[Modality]) -> frozenset[Modality]:
    """All that models of these modalities do: who chats completes texts too, who embeds ranks."""
    own = frozenset(kinds)
    return own | {_ALSO[kind] for kind in own if kind in _ALSO}


def run_for(
    kind: Modality | None, call: EngineCall, run_one: RunOne
) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
    """Run a call on a model of this modality. What the model does not do never reaches its server: a
    conversation that was sent to an embedding server ended the whole of it."""
    if kind is None or call.modality not in capabilities((kind,)):
        return refused(_WRONG)
    if call.modality is Modality.RERANK and kind is Modality.EMBEDDING:
        return ByVectors(call, run_one)
    return run_one(call)
