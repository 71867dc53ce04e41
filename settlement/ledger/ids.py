"""Names of accounts, and the references to them that others may see."""

import hashlib
from functools import lru_cache
from typing import Final

from storage.op import Key

REVENUE: Final = "revenue"
RECEIVABLE: Final = "receivable"
CHAIN: Final = "chain"
ROUNDING: Final = "rounding"
FUNDING: Final = "funding"
LOSS: Final = "loss"
WRITTEN_OFF: Final = "written_off"
# They have no row: their balance is the sum of their transfers, so that no node waits for a hot row.
SYSTEM_ACCOUNTS: Final = frozenset((REVENUE, RECEIVABLE, CHAIN, ROUNDING, FUNDING, LOSS, WRITTEN_OFF))

_WALLET = "wallet:"
_KEPT: Final = 1024
"""How many spellings of accounts and keys are remembered: each call of theirs needs them again."""


def wallet_account_id(network: str, address: str) -> str:
    """The account of a wallet on a CAIP-2 network: ``wallet:eip155:8453:0xabc...``."""
    return f"{_WALLET}{network}:{address.lower()}"


def is_wallet(account_id: str) -> bool:
    return account_id.startswith(_WALLET)


@lru_cache(_KEPT)
def payer_of(account_id: str) -> str:
    """The public reference of a payer: a wallet's address, else a hash, never the account's id."""
    if is_wallet(account_id):
        return account_id.rpartition(":")[2]
    return "acct_" + hashlib.sha256(f"batchin-account|{account_id}".encode()).hexdigest()[:32]


@lru_cache(_KEPT)
def account_key(account_id: str) -> Key:
    return Key("account", (account_id,))


@lru_cache(_KEPT)
def api_key_key(key_id: str) -> Key:
    return Key("api_key", (key_id,))


def hold_key(run_id: str) -> Key:
    return Key("hold", (run_id,))


def transfer_key(transfer_id: str) -> Key:
    return Key("transfer", (transfer_id,))


JOBS: Final = "jobs"
"""The lease of holds that outlive a process: a job's own commit made it, and one of them ends it."""
