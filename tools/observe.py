"""What is told about each call when it ended: one line, counts and times, never texts or secrets."""

from dataclasses import dataclass
from typing import Protocol

from base.trace import Trace
from base.usage import Usage
from settlement.rail import Moved, Served


class Marks:
    """When the steps of a call were done: Unix ms of its start, then the monotonic clock in seconds,
    None for a step that was not reached."""

    __slots__ = ("admitted_s", "entered_s", "first_s", "held_s", "ran_s", "started_ms")

    def __init__(self, started_ms: int, entered_s: float) -> None:
        self.started_ms = started_ms
        self.entered_s = entered_s
        self.admitted_s: float | None = None
        self.held_s: float | None = None
        self.first_s: float | None = None
        self.ran_s: float | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The way of a call that is paid for, as its trace shows it. ``account_id`` is whose it is;
    ``moved_s`` is when money moved on a chain, by the clock of the marks, None where none did."""

    trace: Trace
    account_id: str
    served: Served
    prompt_version: str
    streamed: bool
    marks: Marks
    ended_s: float
    moved_s: Moved | None = None


@dataclass(frozen=True, slots=True)
class CallReport:
    """One call. ``outcome`` is ``completed``, ``partial``, ``replayed`` or an error code; times in ms:
    until the engine's first answer, and in all. ``course`` is None for a free call and for nobody's."""

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
    course: Course | None = None


class Observer(Protocol):
    """Where reports go: the log, the metrics and the traces."""

    def call_ended(self, report: CallReport) -> None: ...


class Observers:
    """Tells several observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def call_ended(self, report: CallReport) -> None:
        for observer in self._observers:
            observer.call_ended(report)
