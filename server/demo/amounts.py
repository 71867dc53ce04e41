"""Amounts and hashes as the transcript writes them."""

from base.money import usd_text

_ATOMIC_PER_USDC = 1_000_000


def usdc(amount_atomic: int) -> str:
    return f"{decimal(amount_atomic)} USDC"


def decimal(amount_atomic: int) -> str:
    """All six decimals of an amount in atomic units."""
    sign = "-" if amount_atomic < 0 else ""
    whole, atomic = divmod(abs(amount_atomic), _ATOMIC_PER_USDC)
    return f"{sign}{whole}.{atomic:06d}"


def change(amount_atomic: int) -> str:
    """With a sign."""
    return ("+" if amount_atomic > 0 else "") + decimal(amount_atomic)


def usd(amount_nano_usd: int) -> str:
    return f"${usd_text(amount_nano_usd)}"


def short(text: str) -> str:
    """Enough of an address or a hash to tell it from others."""
    return text if len(text) <= 18 else f"{text[:10]}...{text[-6:]}"
