"""The routes of the documentation, of status, compute and models. What takes milliseconds of CPU is done
in a thread; texts are rendered once and kept, figures are always new."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from base.errors import NotFound
from manifests.document import Document
from server.pages.assets import Packed
from server.pages.language import Language, language_of
from server.pages.page import Page
from server.pages.routes import COMPUTE, DOCS, MODELS, STATUS
from server.pages.shell import Shell
from server.site import boards
from server.site.home import home
from server.site.library import Library
from server.site.reference import Reference
from server.site.shell import View, framed
from server.site.sources import sources
from server.site.texts import words
from server.status.routes import StatusRoutes
from server.web.methods import Endpoint

_TYPES: Final = {"png": "image/png", "svg": "image/svg+xml"}
_FILE_HEADERS: Final = {
    "cache-control": "public, max-age=300",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class SiteParts:
    """``documents`` are those of the server by path; ``models`` answers GET /v1/models."""

    base_url: str
    documents: Mapping[str, Document]
    status: StatusRoutes
    models: Endpoint


class Site:
    """Serves the pages in the frame of ``shell``."""

    def __init__(self, parts: SiteParts, shell: Shell) -> None:
        self._parts = parts
        self._shell = shell
        self._library = Library(sources(), parts.base_url)
        self._reference = Reference(lambda: parts.documents["/openapi.json"].body, parts.base_url)

    def routes(self) -> list[Route]:
        return [
            Route("/docs", self._home),
            Route("/docs/api", self._overview),
            Route("/docs/api/{id}", self._operation),
            Route("/docs/changelog", self._changelog),
            Route("/docs/search.json", self._search),
            Route("/docs/examples/{name}", self._program),
            Route("/docs/pictures/{name:path}", self._picture),
            Route(
                "/docs/experiments",
                _moved("/docs/prompts#experiments-on-live-calls"),
            ),
            Route("/docs/{slug}", self._page),
            Route("/status", self._status),
            Route("/compute", self._compute),
            Route("/models", self._models),
            Route("/pricing", _moved("/models")),
        ]

    async def _home(self, request: Request) -> Response:
        url = self._parts.base_url
        return await self._drawn(request, lambda language: home(self._library, url, language))

    async def _overview(self, request: Request) -> Response:
        side = self._library.side
        return await self._drawn(request, lambda ln: self._reference.overview(ln, side(ln)))

    async def _operation(self, request: Request) -> Response:
        asked, side = request.path_params["id"], self._library.side
        return await self._drawn(request, lambda ln: self._reference.view(asked, ln, side(ln)))

    async def _page(self, request: Request) -> Response:
        slug = request.path_params["slug"]
        return await self._drawn(request, lambda language: self._library.view(slug, language))

    async def _program(self, request: Request) -> Response:
        name = request.path_params["name"]
        return await self._drawn(request, lambda language: self._library.program(name, language))

    async def _changelog(self, request: Request) -> Response:
        models = await self._entries(request)

        def made(language: Language) -> View:
            written, title = self._library.changelog(), words(language)["changelog"]
            html = written.html + boards.catalog_html(models, language)
            return View("/docs/changelog", title, html, self._library.side(language))

        return await self._drawn(request, made)

    async def _status(self, request: Request) -> Response:
        told, _ = await self._parts.status.report()
        return await self._drawn(request, lambda ln: boards.status_view(told, ln), STATUS)

    async def _compute(self, request: Request) -> Response:
        told = self._parts.status.inventory()
        return await self._drawn(request, lambda ln: boards.compute_view(told, ln), COMPUTE)

    async def _models(self, request: Request) -> Response:
        told = orjson.loads(self._parts.documents["/v1/pricing"].body)
        now = {str(model["id"]): str(model["status"]) for model in await self._entries(request)}
        return await self._drawn(request, lambda ln: boards.models_view(told, now, ln), MODELS)

    async def _entries(self, request: Request) -> Sequence[Mapping[str, Any]]:
        """The catalog as it is now, as who asks for nothing else sees it."""
        answer = await self._parts.models(Request({**request.scope, "headers": [], "query_string": b""}))
        entries: Sequence[Mapping[str, Any]] = orjson.loads(answer.body)["data"]
        return entries

    async def _search(self, request: Request) -> Response:
        language = language_of(request)

        def made() -> Response:
            rows = [*self._library.index(language), *self._reference.index()]
            headers = {"content-type": "application/json", "cache-control": "no-cache"}
            return Packed.of(orjson.dumps(rows)).answer(request, {**headers, "vary": "cookie"})

        return await anyio.to_thread.run_sync(made)

    async def _picture(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = await anyio.to_thread.run_sync(self._library.picture, name)
        if found is None:
            raise NotFound("There is no such picture.", resolution="GET /docs leads to every page.")
        kind = _TYPES[name.rpartition(".")[2]]
        return Response(found, headers={**_FILE_HEADERS, "content-type": kind})

    async def _drawn(
        self, request: Request, make: Callable[[Language], View | None], page: Page = DOCS
    ) -> Response:
        """The answer with a view. Raises NotFound where there is none."""

        def drawn() -> Response | None:
            language = language_of(request)
            view = make(language)
            if view is None:
                return None
            return self._shell.respond(request, page, framed(view, language), view.title)

        answer = await anyio.to_thread.run_sync(drawn)
        if answer is None:
            raise NotFound("There is no such page.", resolution="GET /docs leads to every page.")
        return answer


def _moved(path: str) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return RedirectResponse(path, 308)

    return endpoint
