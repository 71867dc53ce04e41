"""The pages of this server: one line each. How one is made: CONTRIBUTING.md, "Pages"."""

from typing import Final

from starlette.routing import Route

from server.pages.assets import Assets
from server.pages.page import Page
from server.pages.shell import Shell

PAGES: Final = (Page("/console", "console"), Page("/verify", "verify"))


def page_routes() -> list[Route]:
    """The pages whose body is a file, and what all pages load."""
    assets = Assets()
    shell = Shell(PAGES, assets)
    return [assets.route(), *(Route(page.path, shell.endpoint(page)) for page in PAGES)]
