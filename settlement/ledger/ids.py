"""Names of accounts, and the references to them that others may see."""

import hashlib
from typing import Final

from storage.op import Key

REVENUE: Final = "revenue"
RECEIVABLE: Final = "receivable"
CHAIN: Final = "chain"
ROUNDING: Final = "rounding"
FUNDING: Final = "funding"
# They have no row: their balance is the sum of their transfers, so that no node waits for a hot row.
SYSTEM_ACCOUNTS: Final = frozenset((REVENUE, RECEIVABLE, CHAIN, ROUNDING, FUNDING))

_WALLET = "wallet:"


def wallet_account_id(network: str, address: str) -> str:
    """The account of a wallet on a CAIP-2 network: ``wallet:eip155:8453:0xabc...``."""
    return f"{_WALLET}{network}:{address.lower()}"


def is_wallet(account_id: str) -> bool:
    return account_id.startswith(_WALLET)


def payer_of(account_id: str) -> str:
    """The public reference of a payer: a wallet's address, else a hash, never the account's id."""
    if is_wallet(account_id):
        return account_id.rpartition(":")[2]
    return "acct_" + hashlib.sha256(f"batchin-account|{account_id}".encode()).hexdigest()[:32]


def account_key(account_id: str) -> Key:
    return Key("account", (account_id,))


def api_key_key(key_id: str) -> Key:
    return Key("api_key", (key_id,))


def hold_key(run_id: str) -> Key:
    return Key("hold", (run_id,))


def transfer_key(transfer_id: str) -> Key:
    return Key("transfer", (transfer_id,))
