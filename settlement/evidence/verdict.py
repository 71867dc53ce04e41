"""What a verification found: a list of checks, and what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

KEY_TRUSTED: Final = "key_trusted"


class Result(StrEnum):
    """SKIPPED: what the check needs was not given; UNBINDABLE: no rule ties it to the record."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    UNBINDABLE = "unbindable"


@dataclass(frozen=True, slots=True)
class Check:
    """``detail`` says what is wrong or why nothing could be said; ``needed`` is false for a check of
    what the verifier may leave out (the bodies of request and response)."""

    name: str
    result: Result
    detail: str = ""
    needed: bool = True

    @property
    def valid(self) -> bool | None:
        return {Result.PASS: True, Result.FAIL: False}.get(self.result)


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INCOMPLETE = "incomplete"


_EXIT_CODES: Final = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCOMPLETE: 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``record_id`` is "" when none could be read."""

    record_id: str
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Outcome:
        """FAIL when a check failed, INCOMPLETE when one that is needed could not be made, else PASS."""
        if any(check.result is Result.FAIL for check in self.checks):
            return Outcome.FAIL
        if any(check.needed and check.result is not Result.PASS for check in self.checks):
            return Outcome.INCOMPLETE
        return Outcome.PASS

    @property
    def valid(self) -> bool:
        """Nothing failed, and the record is signed by a key that the verifier believes."""
        trusted = any(check.name == KEY_TRUSTED and check.valid for check in self.checks)
        return trusted and self.outcome is not Outcome.FAIL

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 2 incomplete."""
        return _EXIT_CODES[self.outcome]

    def document(self) -> dict[str, Any]:
        """As JSON data. ``valid`` of a check that was not made is null."""
        return {
            "record_id": self.record_id,
            "valid": self.valid,
            "outcome": self.outcome.value,
            "checks": [
                {
                    "name": check.name,
                    "valid": check.valid,
                    "result": check.result.value,
                    "detail": check.detail,
                }
                for check in self.checks
            ],
        }


class Findings:
    """Gathers checks, after those of an earlier verdict; a check passes unless a problem is told."""

    def __init__(self, before: Sequence[Check] = ()) -> None:
        self._checks = list(before)

    def add(self, name: str, problem: str = "", *, needed: bool = True) -> bool:
        """Whether it passed: it did when ``problem`` is empty."""
        self._checks.append(Check(name, Result.FAIL if problem else Result.PASS, problem, needed))
        return not problem

    def equal(self, name: str, left: object, right: object, problem: str) -> bool:
        return self.add(name, "" if left == right else problem)

    def skip(self, name: str, why: str, *, needed: bool = True) -> None:
        self._checks.append(Check(name, Result.SKIPPED, why, needed))

    def unbindable(self, name: str, why: str) -> None:
        self._checks.append(Check(name, Result.UNBINDABLE, why))

    def verdict(self, record_id: str) -> Verdict:
        return Verdict(record_id, tuple(self._checks))
