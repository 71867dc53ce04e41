"""The first account and its key, so that a fresh server can be tried at once."""

from typing import Final

from settlement.ledger import ops
from settlement.ledger.accounts import Accounts
from settlement.ledger.credentials import NewKey
from settlement.ledger.keys import Keys
from storage.op import Refused

_NAME: Final = "demo"


async def ensure_demo(
    accounts: Accounts, keys: Keys, balance_nano_usd: int, demo_key: str | None
) -> NewKey | None:
    """Make the demo account with its balance and one key when there is no account yet.

    ``demo_key`` fixes the key; on later starts it is made when it is missing. The key that was made,
    None when there was nothing to make. Raises InvalidRequest when ``demo_key`` was revoked.
    """
    present = [account for account in await accounts.list() if account.kind == "account"]
    if not present:
        return await _first(accounts, keys, balance_nano_usd, demo_key)
    if demo_key is None or keys.knows(demo_key):
        return None
    owner = next((account for account in present if account.name == _NAME), present[0])
    return await keys.create(owner.id, _NAME, key=demo_key)


async def _first(accounts: Accounts, keys: Keys, balance_nano_usd: int, demo_key: str | None) -> NewKey:
    """In one commit, so that a crash leaves no account without its money or key."""
    account, opened = accounts.draft(_NAME)
    new, made = keys.draft(account.id, _NAME, key=demo_key)
    funded = ops.credit(account.id, balance_nano_usd, _NAME, "first", account.created_at_ms)
    answer = await accounts.store.commit(opened, funded, made)
    if isinstance(answer, Refused):
        raise RuntimeError(f"the first account was refused: {answer.code}")
    keys.remember(answer[2])
    return new
