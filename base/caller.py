"""Who calls: an account by key, a wallet by payment, or nobody yet."""

from dataclasses import dataclass, field
from enum import StrEnum

from base.allowance import Allowance


class CallerKind(StrEnum):
    ACCOUNT = "account"
    WALLET = "wallet"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated principal of a call.

    ``account_id`` owns what the call makes and pays for it: an account's id, or the account of a
    wallet (``wallet:<network>:<address>``). ``key_id`` is the credential that was shown (an API key or
    a wallet's access token), None for an anonymous caller or one who pays this very call; ``allowance``
    is that key's own, ``streams_responses`` whether it may stream responses, ``salts_hashes`` whether
    the records of its calls hold salted hashes, ``keeps_samples`` whether samples of them are kept.
    """

    kind: CallerKind
    account_id: str | None = None
    key_id: str | None = None
    lane: str = "shared"
    region: str = "local"
    workspace: str = "default"
    scopes: frozenset[str] = field(default_factory=frozenset)
    allowance: Allowance | None = None
    streams_responses: bool = True
    salts_hashes: bool = False
    keeps_samples: bool = False


ANONYMOUS = Caller(CallerKind.ANONYMOUS)
