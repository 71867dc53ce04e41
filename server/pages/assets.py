"""What pages load: every file of this package under one name that changes with any of them."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ROOT: Final = "/assets"
_FOREVER: Final = "public, max-age=31536000, immutable"
_GZIP_FROM: Final = 512


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes, plain and compressed."""

    plain: bytes
    zipped: bytes | None

    @classmethod
    def of(cls, plain: bytes) -> "Packed":
        return cls(plain, gzip.compress(plain, 9, mtime=0) if len(plain) >= _GZIP_FROM else None)

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """In the coding that the reader takes."""
        headers = {**headers, "vary": ", ".join(filter(None, (headers.get("vary"), "accept-encoding")))}
        if self.zipped is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.plain, headers=headers)
        return Response(self.zipped, headers={**headers, "content-encoding": "gzip"})


class Assets:
    """Style sheets and modules, read once. Modules may import each other by relative paths."""

    def __init__(self) -> None:
        self._files = dict(_walked(files("server.pages"), ""))
        digest = hashlib.sha256()
        for path in sorted(self._files):
            digest.update(path.encode() + b"\0" + hashlib.sha256(self._files[path].plain).digest())
        self.digest = digest.hexdigest()[:12]

    def url(self, path: str) -> str:
        """Where a file of this package is served, such as ``kit/kit.css``."""
        return f"{ROOT}/{self.digest}/{path}"

    def route(self) -> Route:
        return Route(f"{ROOT}/{{digest}}/{{path:path}}", self._endpoint)

    async def _endpoint(self, request: Request) -> Response:
        """Kept for ever under the current name; under that of another version for no time."""
        path = request.path_params["path"]
        found = self._files.get(path)
        if found is None:
            raise HTTPException(404)
        current = request.path_params["digest"] == self.digest
        headers = {
            "content-type": TYPES[path[path.rindex(".") :]],
            "cache-control": _FOREVER if current else "no-store",
            "x-content-type-options": "nosniff",
        }
        return found.answer(request, headers)


def _walked(folder: Traversable, prefix: str) -> Iterator[tuple[str, Packed]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _walked(item, f"{prefix}{item.name}/")
        elif item.name.endswith(tuple(TYPES)):
            yield prefix + item.name, Packed.of(item.read_bytes())
