"""Who has which limits, and the gates of all that are in use."""

from collections.abc import Iterator, Mapping
from typing import Final

from base.allowance import Allowance
from base.caller import Caller
from base.clock import Clock
from settlement.limits.gate import Gate
from settlement.limits.quota import Quota

_SWEEP_FROM: Final = 4096
_EVERY: Final = "*"

GateKey = tuple[str, ...]
"""The first part names the limit to callers."""


class Limits:
    """Makes the quota of each call. ``rules`` are allowances by ``key:ID``, ``workspace:NAME``,
    ``lane:NAME`` and ``region:NAME``, where ``*`` stands for each of the kind; a key's own comes on top.

    A workspace is an account's own: the same name elsewhere is another. State is this process's.
    """

    def __init__(self, rules: Mapping[str, Allowance], clock: Clock) -> None:
        self._rules = dict(rules)
        self._clock = clock
        self._gates: dict[GateKey, Gate] = {}
        self._sweep_at = _SWEEP_FROM

    @property
    def size(self) -> int:
        """How many limits are remembered."""
        return len(self._gates)

    def quota(self, caller: Caller) -> Quota | None:
        """What a call of this caller passes; None when nothing limits it."""
        if not self._rules and caller.allowance is None:
            return None
        gates = [self._gate(key, allowance) for key, allowance in self._allowances(caller)]
        return Quota(gates, self._now_ns) if gates else None

    def _allowances(self, caller: Caller) -> Iterator[tuple[GateKey, Allowance]]:
        account = caller.account_id or ""
        if caller.key_id is not None and caller.allowance is not None:
            yield ("key", caller.key_id), caller.allowance
        scopes = (
            ("key", caller.key_id, ("key-rule", caller.key_id or "")),
            ("workspace", caller.workspace, ("workspace", account, caller.workspace)),
            ("lane", caller.lane, ("lane", caller.lane)),
            ("region", caller.region, ("region", caller.region)),
        )
        for kind, name, key in scopes:
            allowance = self._rules.get(f"{kind}:{name}") or self._rules.get(f"{kind}:{_EVERY}")
            if name is not None and allowance is not None:
                yield key, allowance

    def _gate(self, key: GateKey, allowance: Allowance) -> Gate:
        gate = self._gates.get(key)
        if gate is None:
            if len(self._gates) >= self._sweep_at:
                self._sweep()
            gate = self._gates[key] = Gate(key[0], allowance)
        return gate

    def _sweep(self) -> None:
        """Forget gates that are as good as new."""
        now_ns = self._now_ns()
        self._gates = {key: gate for key, gate in self._gates.items() if not gate.is_idle(now_ns)}
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._gates))

    def _now_ns(self) -> int:
        return int(self._clock.monotonic_s() * 1_000_000_000)
