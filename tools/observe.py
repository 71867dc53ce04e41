"""What is told about each call when it ended: one line, counts and times, never texts or secrets."""

from dataclasses import dataclass
from typing import Protocol

from base.usage import Usage


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call. ``outcome`` is ``completed``, ``partial``, ``replayed`` or an error code; times in ms:
    until the engine's first answer, and in all."""

    run_id: str
    request_id: str
    trace_id: str
    tool: str
    model: str
    caller: str
    rail: str
    outcome: str
    usage: Usage
    charged_nano_usd: int
    first_ms: float
    total_ms: float


class Observer(Protocol):
    """Where reports go: the log and the metrics."""

    def call_ended(self, report: CallReport) -> None: ...


class Observers:
    """Tells several observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def call_ended(self, report: CallReport) -> None:
        for observer in self._observers:
            observer.call_ended(report)
