"""When calls become tasks, and how often tasks are looked after."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """Seconds: until a call becomes a task, and between looks at what other processes changed, at what
    those that are gone left, and at what expired."""

    patience_s: float
    watch_s: float = 0.25
    recover_s: float = 5.0
    sweep_s: float = 300.0
