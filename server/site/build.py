"""Puts the site together from the parts of a server."""

from collections.abc import Callable, Mapping, Sequence

from starlette.routing import Route

from manifests.document import Document
from server.free import FreeDoor
from server.pages.shell import Shell
from server.site.routes import Site, SiteParts
from server.status.routes import StatusRoutes


def site_of(
    base_url: str, documents: Mapping[str, Document], status: StatusRoutes, door: FreeDoor
) -> Callable[[Shell], Sequence[Route]]:
    """What ``page_routes`` draws the pages with."""
    models = door.get("models", lambda _: {}, lambda output: output)
    parts = SiteParts(base_url, documents, status, models)
    return lambda shell: Site(parts, shell).routes()
