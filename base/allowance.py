"""How much a caller may ask for; None is no limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls a minute, tokens a minute (in and out together), and calls at once."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None

    def __bool__(self) -> bool:
        return (self.rpm, self.tpm, self.concurrency) != (None, None, None)
