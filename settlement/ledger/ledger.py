"""The ledger of a server, for those who read several of its books."""

from dataclasses import dataclass

from settlement.ledger.accounts import Accounts
from settlement.ledger.keys import Keys
from settlement.ledger.reports import UsageReports


@dataclass(frozen=True, slots=True)
class Ledger:
    """Accounts, their keys, and what was used."""

    accounts: Accounts
    keys: Keys
    usage: UsageReports
