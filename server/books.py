"""Operations on the books: accounts and API keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from base.clock import Clock, iso_utc
from base.errors import InvalidRequest, NotFound
from base.money import NANO_MAX
from manifests.account import LABEL, SCOPE
from server.operations import Arguments, NoArguments, Operation
from settlement.ledger.accounts import Account, Accounts
from settlement.ledger.credentials import KeyInfo, KeyLimits
from settlement.ledger.keys import Keys

_DAY_MS = 86_400_000
_SOURCE = "operator"


class CreateAccount(Arguments):
    name: str = Field(pattern=LABEL)
    email: str = Field("", max_length=256)


class CreditAccount(Arguments):
    account: str = Field(description="Id or name.")
    amount_nano_usd: int = Field(gt=0, le=NANO_MAX)
    reference: str = Field(min_length=1, max_length=128, description="Credited once.")


class ListKeys(Arguments):
    account: str | None = Field(None, description="Id or name; by default all accounts.")


class CreateKey(Arguments):
    account: str | None = Field(None, description="Id or name; by default the only one there is.")
    name: str = Field("key", pattern=LABEL)
    monthly_budget_nano_usd: int | None = Field(None, gt=0, le=NANO_MAX)
    workspace: str = Field("default", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    lane: str = Field("shared", pattern=r"^(shared|batch|private:[A-Za-z0-9._-]{1,64})$")
    region: str = Field("local", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    rpm: int | None = Field(None, ge=1, le=10**9, description="Calls a minute.")
    tpm: int | None = Field(None, ge=1, le=10**9, description="Tokens a minute.")
    concurrency: int | None = Field(None, ge=1, le=10**9, description="Calls at once.")
    scopes: list[Annotated[str, Field(pattern=SCOPE)]] = Field(default_factory=list, max_length=64)
    days: int | None = Field(None, ge=1, le=36_500, description="Days until it expires.")
    streams_responses: bool = Field(True, description="Whether it may stream on /v1/responses.")
    salts_hashes: bool = Field(False, description="Whether its evidence holds salted hashes.")
    keeps_samples: bool = Field(False, description="Whether samples of its calls are kept.")


class RevokeKey(Arguments):
    key_id: str


@dataclass(frozen=True, slots=True)
class Books:
    """What an operator does with accounts and keys."""

    accounts: Accounts
    keys: Keys
    clock: Clock

    def operations(self) -> Mapping[str, Operation]:
        return {
            "accounts.list": Operation(NoArguments, self._list_accounts),
            "accounts.create": Operation(CreateAccount, self._create_account),
            "accounts.credit": Operation(CreditAccount, self._credit),
            "keys.list": Operation(ListKeys, self._list_keys),
            "keys.create": Operation(CreateKey, self._create_key),
            "keys.revoke": Operation(RevokeKey, self._revoke_key),
        }

    async def _list_accounts(self, _: NoArguments) -> list[dict[str, Any]]:
        return [_shown_account(account) for account in await self.accounts.list()]

    async def _create_account(self, arguments: CreateAccount) -> dict[str, Any]:
        return _shown_account(await self.accounts.create(arguments.name, arguments.email))

    async def _credit(self, arguments: CreditAccount) -> dict[str, Any]:
        account = await account_named(self.accounts, arguments.account)
        credited = await self.accounts.credit(
            account.id, arguments.amount_nano_usd, _SOURCE, arguments.reference
        )
        now = await self.accounts.get(account.id)
        assert now is not None  # accounts are never deleted
        return {
            "account_id": account.id,
            "credited": credited,
            "reference": arguments.reference,
            "balance_nano_usd": now.posted_nano_usd,
        }

    async def _list_keys(self, arguments: ListKeys) -> list[dict[str, Any]]:
        account = (
            None if arguments.account is None else await account_named(self.accounts, arguments.account)
        )
        keys = await self.keys.list(None if account is None else account.id)
        now_ms = self.clock.now_ms()
        return [_shown_key(key, now_ms) for key in keys]

    async def _create_key(self, arguments: CreateKey) -> dict[str, Any]:
        account = await account_named(self.accounts, arguments.account)
        now_ms = self.clock.now_ms()
        until = None if arguments.days is None else now_ms + arguments.days * _DAY_MS
        limits = KeyLimits(
            workspace=arguments.workspace,
            lane=arguments.lane,
            region=arguments.region,
            scopes=frozenset(arguments.scopes),
            rate_limit_rpm=arguments.rpm,
            rate_limit_tpm=arguments.tpm,
            max_concurrency=arguments.concurrency,
            monthly_budget_nano_usd=arguments.monthly_budget_nano_usd,
            expires_at_ms=until,
            streams_responses=arguments.streams_responses,
            salts_hashes=arguments.salts_hashes,
            keeps_samples=arguments.keeps_samples,
        )
        made = await self.keys.create(account.id, arguments.name, limits)
        return {**_shown_key(made.info, now_ms), "key": made.key}

    async def _revoke_key(self, arguments: RevokeKey) -> dict[str, Any]:
        revoked = await self.keys.revoke(arguments.key_id)
        return _shown_key(revoked, self.clock.now_ms())


async def account_named(accounts: Accounts, reference: str | None) -> Account:
    """By id or name; None means the only account that is not a wallet.

    Raises NotFound, and InvalidRequest when a name or None fits several.
    """
    people = [account for account in await accounts.list() if account.kind == "account"]
    fitting = [account for account in people if reference in (None, account.id, account.name)]
    if len(fitting) == 1:
        return fitting[0]
    if reference is not None and not fitting:
        raise NotFound(
            f"There is no account {reference!r}.",
            param="account",
            resolution="batchin accounts list shows all accounts.",
        )
    if not fitting:
        raise NotFound(
            "There is no account yet.",
            param="account",
            resolution="Make one: batchin accounts create NAME.",
        )
    raise InvalidRequest(
        f"{len(fitting)} accounts fit; say which by its id.",
        param="account",
        resolution="batchin accounts list shows all accounts.",
    )


def _shown_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "kind": account.kind,
        "name": account.name,
        "email": account.email,
        "balance_nano_usd": account.posted_nano_usd,
        "held_nano_usd": account.held_nano_usd,
        "created_at": iso_utc(account.created_at_ms),
    }


def _shown_key(key: KeyInfo, now_ms: int) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "key_prefix": key.prefix,
        "name": key.name,
        "account_id": key.account_id,
        "workspace": key.limits.workspace,
        "lane": key.limits.lane,
        "region": key.limits.region,
        "rate_limit_rpm": key.limits.rate_limit_rpm,
        "rate_limit_tpm": key.limits.rate_limit_tpm,
        "max_concurrency": key.limits.max_concurrency,
        "streams_responses": key.limits.streams_responses,
        "salts_hashes": key.limits.salts_hashes,
        "keeps_samples": key.limits.keeps_samples,
        "scopes": sorted(key.limits.scopes),
        "monthly_budget_nano_usd": key.limits.monthly_budget_nano_usd,
        "spent_this_month_nano_usd": key.spent_nano_usd,
        "state": _state(key, now_ms),
        "is_active": key.is_active(now_ms),
        "created_at": iso_utc(key.created_at_ms),
        "expires_at": None if key.limits.expires_at_ms is None else iso_utc(key.limits.expires_at_ms),
    }


def _state(key: KeyInfo, now_ms: int) -> str:
    if key.revoked_at_ms is not None:
        return "revoked"
    return "active" if key.is_active(now_ms) else "expired"
