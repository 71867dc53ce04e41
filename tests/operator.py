"""What an operator does to a running server, for tests that need more than its first account."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from server.admin import AdminClient


def new_key(data_dir: Path, balance_nano_usd: int = 1_000_000_000, scopes: Sequence[str] = ()) -> str:
    """The API key of a new account with a balance."""
    return asyncio.run(_new_key(data_dir, balance_nano_usd, scopes))


async def _new_key(data_dir: Path, balance_nano_usd: int, scopes: Sequence[str]) -> str:
    admin = AdminClient(data_dir)
    account = await admin.call("accounts.create", name=f"account {secrets.token_hex(4)}")
    if balance_nano_usd:
        await admin.call(
            "accounts.credit",
            account=account["id"],
            amount_nano_usd=balance_nano_usd,
            reference=secrets.token_hex(8),
        )
    made = await admin.call("keys.create", account=account["id"], scopes=list(scopes))
    return str(made["key"])
