"""What a transaction may cost: its first fee, its replacement's (EIP-1559), the budget of a day."""

from dataclasses import dataclass
from typing import Final

from base.money import ceil_div

GWEI: Final = 10**9
_FACTOR: Final = 2
_LEAST_TIP_WEI: Final = 1_000_000
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Fee:
    """Wei a gas: at most ``max_wei``, of which ``tip_wei`` at most goes to whoever builds the block."""

    max_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """``most_wei`` a gas is never exceeded. What is not in a block ``bump_after_s`` after it was sent is
    replaced at a higher fee. ``day_budget_gwei`` is what a day's transactions may cost together, None
    without a limit; below ``least_float_wei`` of the wallet somebody should know."""

    most_wei: int = 2_000 * GWEI
    bump_after_s: float = 30.0
    day_budget_gwei: int | None = None
    least_float_wei: int = 0

    def first(self, price_wei: int, tip_wei: int) -> Fee:
        """For a node that asks ``price_wei`` a gas now and suggests ``tip_wei``."""
        most = min(_FACTOR * price_wei, self.most_wei)
        return Fee(most, min(max(tip_wei, _LEAST_TIP_WEI), most))

    def bumped(self, old: Fee, price_wei: int, tip_wei: int) -> Fee | None:
        """The fee of a replacement: nodes take one whose two figures are 10 % higher at least, here it
        is 12.5 % and more. None where that is more than may be paid."""
        asked = self.first(price_wei, tip_wei)
        fee = Fee(max(_higher(old.max_wei), asked.max_wei), max(_higher(old.tip_wei), asked.tip_wei))
        return fee if fee.max_wei <= self.most_wei and fee.tip_wei <= fee.max_wei else None


def _higher(wei: int) -> int:
    return wei + max(1, ceil_div(wei, 8))


def cost_gwei(gas: int, wei: int) -> int:
    """What so much gas costs at this price, in gwei, rounded up: wei need more than 64 bits."""
    return ceil_div(gas * wei, GWEI)
