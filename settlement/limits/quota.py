"""One call under its limits: admitted or refused, and told what is left."""

from collections.abc import Callable, Sequence
from typing import Final

from base.errors import InvalidRequest, RateLimited
from settlement.limits.gate import Gate
from settlement.limits.gcra import Bucket

_SECOND_NS: Final = 1_000_000_000
_CROWDED_S: Final = 1

HeaderPairs = list[tuple[str, str]]


class Quota:
    """The gates that a call passes, all or none. ``admit`` once, ``release`` once when it ended."""

    __slots__ = ("_gates", "_now_ns", "_taken")

    def __init__(self, gates: Sequence[Gate], now_ns: Callable[[], int]) -> None:
        self._gates = gates
        self._now_ns = now_ns
        self._taken: int | None = None

    def admit(self, tokens: int) -> None:
        """Take a call of at most so many tokens; what it does not use returns when it ends.

        Raises RateLimited, and InvalidRequest for a call that is larger than a minute's tokens.
        """
        now_ns = self._now_ns()
        for gate in self._gates:
            if gate.tokens is not None and tokens > gate.tokens.limit:
                raise _too_large(_whose(gate), tokens, gate.tokens.limit)
        wait_ns, slowest = max(
            ((gate.wait_ns(now_ns, tokens), gate) for gate in self._gates), key=lambda item: item[0]
        )
        if wait_ns:
            raise self._refusal(f"The rate limit of the {_whose(slowest)} is reached.", wait_ns)
        for gate in self._gates:
            if gate.is_crowded():
                sentence = f"The {_whose(gate)} has as many calls running as it may."
                raise self._refusal(sentence, _CROWDED_S * _SECOND_NS)
        for gate in self._gates:
            gate.enter(now_ns, tokens)
        self._taken = tokens

    def release(self, used_tokens: int) -> None:
        """End an admitted call; nothing for one that was refused. What an engine says was used beyond
        what was taken is not the caller's."""
        if self._taken is None:
            return
        for gate in self._gates:
            gate.leave(max(0, self._taken - used_tokens))
        self._taken = None

    def headers(self) -> HeaderPairs:
        """``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers-11) of every
        gate, and OpenAI's ``x-ratelimit-*`` of the tightest."""
        now_ns = self._now_ns()
        told: HeaderPairs = []
        policies, states = [], []
        for unit in ("requests", "tokens"):
            buckets = [
                (gate.name, bucket)
                for gate in self._gates
                if (bucket := getattr(gate, unit)) is not None
            ]
            for name, bucket in buckets:
                policies.append(f'"{name}-{unit}";q={bucket.limit};w=60')
                left, full_in_s = bucket.left(now_ns), -(-bucket.full_in_ns(now_ns) // _SECOND_NS)
                states.append(f'"{name}-{unit}";r={left};t={full_in_s}')
            if buckets:
                told += _openai(unit, min((b for _, b in buckets), key=lambda b: b.left(now_ns)), now_ns)
        if policies:
            told += [("ratelimit-policy", ", ".join(policies)), ("ratelimit", ", ".join(states))]
        return told

    def _refusal(self, sentence: str, wait_ns: int) -> RateLimited:
        return RateLimited(
            sentence, retry_after_s=-(-wait_ns // _SECOND_NS), headers=dict(self.headers())
        )


def _whose(gate: Gate) -> str:
    return gate.name.partition("-")[0]


def _openai(unit: str, bucket: Bucket, now_ns: int) -> HeaderPairs:
    return [
        (f"x-ratelimit-limit-{unit}", str(bucket.limit)),
        (f"x-ratelimit-remaining-{unit}", str(bucket.left(now_ns))),
        (f"x-ratelimit-reset-{unit}", _duration(bucket.full_in_ns(now_ns))),
    ]


def _duration(ns: int) -> str:
    """As Go spells durations: ``20ms``, ``1.5s``, ``1m0s``."""
    ms = -(-ns // 1_000_000)
    if ms < 1000:
        return f"{ms}ms"
    minutes, rest_ms = divmod(ms, 60_000)
    seconds = f"{rest_ms / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _too_large(name: str, tokens: int, limit: int) -> InvalidRequest:
    return InvalidRequest(
        f"The call may take {tokens} tokens; the {name} has {limit} a minute.",
        param="max_tokens",
        resolution="Shorten the input or lower max_tokens.",
    )
