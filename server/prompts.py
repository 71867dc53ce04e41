"""The routes of prompts: listed, pushed, promoted, rolled back."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.caller import CallerKind
from base.errors import Forbidden
from manifests.prompts import AutomaticRegressions, Promotion, PromptPush
from server.web.caller import Callers
from server.web.methods import route
from server.web.owner import owned_answer, owner_of
from server.web.request import Head, read_body, read_json
from tools.arguments import parse
from tools.prompts.book import DOCS, PromptBook
from tools.prompts.erase import Eraser
from tools.prompts.replay import kept_caller
from tools.prompts.template import Template

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PromptRoutes:
    """Of the account of the key, or of the wallet that signed in."""

    book: PromptBook
    eraser: Eraser
    callers: Callers
    body_limit: int

    def routes(self) -> list[Route]:
        return [
            route("/v1/prompts", GET=self._list, POST=self._push),
            route("/v1/prompts/{id}", GET=self._get, DELETE=self._delete),
            route("/v1/prompts/{id}/samples", DELETE=self._delete_samples),
            route("/v1/prompts/{id}/automatic", POST=self._automate, DELETE=self._by_hand),
            route("/v1/prompts/{id}/promote", POST=self._promote),
            route("/v1/prompts/{id}/rollback", POST=self._roll_back),
        ]

    async def _list(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        items = await self.book.listed(owner.account_id)
        return owned_answer({"status": "ready", "docs": DOCS, "items": items})

    async def _get(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        return owned_answer(await self.book.shown(owner.account_id, request.path_params["id"]))

    async def _push(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, PromptPush)
        template = Template(messages=asked.messages, description=asked.description)
        make = self.book.push_and_promote if asked.promote else self.book.propose
        made = await make(owner.account_id, asked.name, asked.version, template)
        return owned_answer(await self.book.shown(owner.account_id, made.name))

    async def _promote(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        asked = await self._asked(request, owner.head, Promotion)
        name: str = request.path_params["id"]
        await self.book.promote(owner.account_id, name, asked.version)
        return owned_answer(await self.book.shown(owner.account_id, name))

    async def _roll_back(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        name: str = request.path_params["id"]
        await self.book.roll_back(owner.account_id, name)
        return owned_answer(await self.book.shown(owner.account_id, name))

    async def _delete(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        return owned_answer(await self.eraser.prompt(owner.account_id, request.path_params["id"]))

    async def _delete_samples(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        return owned_answer(await self.eraser.samples_of(owner.account_id, request.path_params["id"]))

    async def _automate(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        if owner.caller.kind is not CallerKind.ACCOUNT:
            raise Forbidden("A wallet has no samples.", resolution="Use an account's API key.")
        asked = await self._asked(request, owner.head, AutomaticRegressions)
        plan = {**asked.model_dump(by_alias=True), "caller": kept_caller(owner.caller)}
        name: str = request.path_params["id"]
        await self.book.automate(owner.account_id, name, plan)
        return owned_answer(await self.book.shown(owner.account_id, name))

    async def _by_hand(self, request: Request) -> Response:
        owner = owner_of(self.callers, request)
        name: str = request.path_params["id"]
        await self.book.automate(owner.account_id, name, None)
        return owned_answer(await self.book.shown(owner.account_id, name))

    async def _asked(self, request: Request, head: Head, model: type[ModelT]) -> ModelT:
        return parse(model, read_json(head, await read_body(request.receive, head, self.body_limit)))
