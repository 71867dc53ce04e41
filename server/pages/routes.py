"""The pages of this server: one line each. How one is made: CONTRIBUTING.md, "Pages"."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.routing import Route

from server.pages.assets import Assets
from server.pages.page import Page
from server.pages.shell import Shell

DOCS: Final = Page("/docs", "docs")
MODELS: Final = Page("/models", "models")
COMPUTE: Final = Page("/compute", "compute")
STATUS: Final = Page("/status", "status")
PAGES: Final = (Page("/console", "console"), Page("/verify", "verify"))
DRAWN: Final = (DOCS, MODELS, COMPUTE, STATUS)
"""Pages whose body depends on what is asked or on what is so now: server/site."""


def page_routes(*drawn: Callable[[Shell], Sequence[Route]]) -> list[Route]:
    """The pages whose body is a file, what all pages load, and the routes of what is ``drawn``."""
    assets = Assets()
    shell = Shell((*DRAWN, *PAGES) if drawn else PAGES, assets)
    fixed = (Route(page.path, shell.endpoint(page)) for page in PAGES)
    return [assets.route(), *fixed, *(route for make in drawn for route in make(shell))]
