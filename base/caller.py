"""Who calls: an account by key, a wallet by payment, or nobody yet."""

from dataclasses import dataclass, field
from enum import StrEnum

from base.allowance import Allowance
from base.ids import is_made_by

_NOBODY = "nobody"
"""Owns nothing: to it, every object is somebody else's."""


class CallerKind(StrEnum):
    ACCOUNT = "account"
    WALLET = "wallet"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a payment's access token opens: the object that the run made for this wallet's account."""

    account_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated principal of a call.

    ``account_id`` owns what the call makes and pays for it: an account's id, or the account of a
    wallet (``wallet:<network>:<address>``). ``key_id`` is the credential that was shown (an API key or
    the token of a wallet that signed in), None for an anonymous caller or one who pays this very call;
    ``allowance`` is that key's own, ``streams_responses`` whether it may stream responses,
    ``salts_hashes`` whether the records of its calls hold salted hashes, ``keeps_samples`` whether
    samples of them are kept. ``opens`` is set for whoever shows the access token of a payment: to all
    but the routes of that one object it is anonymous.
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
    opens: Opened | None = None

    def account_for(self, object_id: str) -> str | None:
        """The account in whose name this caller may ask for an object; None for nobody at all. A
        payment's token asks for its own object in its wallet's name, for others in that of a nobody."""
        if self.account_id is not None or self.opens is None:
            return self.account_id
        return self.opens.account_id if is_made_by(object_id, self.opens.run_id) else _NOBODY


ANONYMOUS = Caller(CallerKind.ANONYMOUS)
