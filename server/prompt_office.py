"""What an operator does with the prompts of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from server.books import account_named
from server.operations import Arguments, Operation
from settlement.ledger.accounts import Accounts
from tools.prompts.book import PromptBook
from tools.prompts.erase import Eraser
from tools.prompts.template import NAME, VERSION, PromptMessage, Template


class OfAccount(Arguments):
    account: str | None = Field(None, description="Id or name; by default the only one there is.")


class PushPrompt(OfAccount):
    name: str = Field(pattern=NAME)
    version: str | None = Field(None, pattern=VERSION)
    messages: list[PromptMessage] = Field(min_length=1, max_length=64)
    description: str = Field("", max_length=500)
    promote: bool = False


class PromotePrompt(OfAccount):
    name: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)


class RollBackPrompt(OfAccount):
    name: str = Field(pattern=NAME)


class ErasePrompt(OfAccount):
    name: str = Field(pattern=NAME)


@dataclass(frozen=True, slots=True)
class PromptOffice:
    """The same as the routes do for the holder of a key."""

    accounts: Accounts
    book: PromptBook

    def operations(self) -> Mapping[str, Operation]:
        return {
            "prompts.list": Operation(OfAccount, self._list),
            "prompts.push": Operation(PushPrompt, self._push),
            "prompts.promote": Operation(PromotePrompt, self._promote),
            "prompts.rollback": Operation(RollBackPrompt, self._roll_back),
        }

    async def _list(self, arguments: OfAccount) -> list[dict[str, Any]]:
        return await self.book.listed(await self._account(arguments))

    async def _push(self, arguments: PushPrompt) -> dict[str, Any]:
        account_id = await self._account(arguments)
        template = Template(messages=arguments.messages, description=arguments.description)
        asked = (account_id, arguments.name, arguments.version, template)
        if arguments.promote:
            made = await self.book.push_and_promote(*asked, by="operator")
        else:
            made = await self.book.propose(*asked)
        return {"version_id": made.id, "content_hash": template.digest, "promoted": arguments.promote}

    async def _promote(self, arguments: PromotePrompt) -> dict[str, Any]:
        account_id = await self._account(arguments)
        await self.book.promote(account_id, arguments.name, arguments.version, "operator")
        return await self.book.shown(account_id, arguments.name)

    async def _roll_back(self, arguments: RollBackPrompt) -> dict[str, Any]:
        account_id = await self._account(arguments)
        await self.book.roll_back(account_id, arguments.name)
        return await self.book.shown(account_id, arguments.name)

    async def _account(self, arguments: OfAccount) -> str:
        return (await account_named(self.accounts, arguments.account)).id


@dataclass(frozen=True, slots=True)
class ErasingOffice:
    """Deletes what is kept of prompts; a server has to run, for regressions may."""

    accounts: Accounts
    eraser: Eraser

    def operations(self) -> Mapping[str, Operation]:
        return {
            "prompts.delete": Operation(ErasePrompt, self._delete),
            "prompts.delete_samples": Operation(ErasePrompt, self._delete_samples),
        }

    async def _delete(self, arguments: ErasePrompt) -> dict[str, Any]:
        account = await account_named(self.accounts, arguments.account)
        return await self.eraser.prompt(account.id, arguments.name)

    async def _delete_samples(self, arguments: ErasePrompt) -> dict[str, Any]:
        account = await account_named(self.accounts, arguments.account)
        return await self.eraser.samples_of(account.id, arguments.name)
