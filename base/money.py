"""Money as integers: nano-USD inside, atomic USDC on chain, cents for display only."""

NANO_PER_USD = 1_000_000_000
NANO_PER_CENT = 10_000_000
NANO_PER_ATOMIC = 1_000  # USDC has 6 decimals
NANO_MAX = 2**63 - 1


def ceil_div(numerator: int, denominator: int) -> int:
    """Exact ceiling of a quotient of non-negative integers."""
    return -(-numerator // denominator)


def atomic_from_nano(amount_nano_usd: int) -> int:
    """Atomic USDC that covers an amount: rounded up, so that a price is never undershot."""
    return ceil_div(amount_nano_usd, NANO_PER_ATOMIC)


def nano_from_atomic(amount_atomic: int) -> int:
    return amount_atomic * NANO_PER_ATOMIC


def cents_rounded(amount_nano_usd: int) -> int:
    """Cents, half up: how a cost is displayed."""
    return (2 * amount_nano_usd + NANO_PER_CENT) // (2 * NANO_PER_CENT)


def cents_floor(amount_nano_usd: int) -> int:
    """Cents, rounded down: how a balance is displayed."""
    return amount_nano_usd // NANO_PER_CENT


def usd_text(amount_nano_usd: int) -> str:
    """An exact decimal string of dollars without trailing zeros, at least two decimals."""
    sign = "-" if amount_nano_usd < 0 else ""
    whole, nano = divmod(abs(amount_nano_usd), NANO_PER_USD)
    decimals = f"{nano:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def usd_to_nano(text: str) -> int:
    """Parse a decimal string of dollars exactly.

    Raises ValueError for anything else than a plain decimal with at most nine decimals.
    """
    whole, _, decimals = text.strip().removeprefix("$").partition(".")
    if not whole.isascii() or not whole.isdigit():
        raise ValueError(f"not an amount in dollars: {text!r}")
    if len(decimals) > 9 or (decimals and not (decimals.isascii() and decimals.isdigit())):
        raise ValueError(f"not an amount in dollars with at most nine decimals: {text!r}")
    return int(whole) * NANO_PER_USD + int(decimals.ljust(9, "0") or "0")
