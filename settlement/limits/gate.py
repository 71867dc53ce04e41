"""What one allowance has left: a bucket of calls, one of tokens, and the calls that run."""

from base.allowance import Allowance
from settlement.limits.gcra import Bucket


class Gate:
    """The state of one allowance, shared by all calls under it. ``name`` says whose it is (``key``)."""

    __slots__ = ("_concurrency", "_running", "name", "requests", "tokens")

    def __init__(self, name: str, allowance: Allowance) -> None:
        self.name = name
        self.requests = Bucket(allowance.rpm) if allowance.rpm is not None else None
        self.tokens = Bucket(allowance.tpm) if allowance.tpm is not None else None
        self._concurrency = allowance.concurrency
        self._running = 0

    def wait_ns(self, now_ns: int, tokens: int) -> int:
        """How long a call of at most so many tokens has to wait by its rates: 0 is not at all."""
        by_calls = self.requests.wait_ns(now_ns, 1) if self.requests else 0
        by_tokens = self.tokens.wait_ns(now_ns, tokens) if self.tokens else 0
        return max(by_calls, by_tokens)

    def is_crowded(self) -> bool:
        return self._concurrency is not None and self._running >= self._concurrency

    def enter(self, now_ns: int, tokens: int) -> None:
        self._running += 1
        if self.requests is not None:
            self.requests.take(now_ns, 1)
        if self.tokens is not None:
            self.tokens.take(now_ns, tokens)

    def leave(self, unused_tokens: int) -> None:
        self._running -= 1
        if self.tokens is not None:
            self.tokens.give_back(unused_tokens)

    def is_idle(self, now_ns: int) -> bool:
        """Whether nothing would be lost with it."""
        buckets = (bucket for bucket in (self.requests, self.tokens) if bucket is not None)
        return self._running == 0 and not any(bucket.full_in_ns(now_ns) for bucket in buckets)
