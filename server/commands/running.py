"""The server that a command asks over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import orjson

from server.admin import AdminClient, NoServer
from server.client import http_client
from server.commands.failure import USAGE, CommandFailed
from server.commands.office import folder_of


def url_of(url: str | None, data_dir: Path | None, config: Path | None) -> str:
    """The URL given, else that of the server on the data dir. Raises CommandFailed."""
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise CommandFailed(f"{url} is no URL.", "Give one like http://127.0.0.1:8402.", USAGE)
        return url.rstrip("/")
    return asyncio.run(local_url(folder_of(data_dir, config)))


async def local_url(folder: Path) -> str:
    """Raises CommandFailed when no server runs there."""
    try:
        info = await AdminClient(folder).info()
    except NoServer:
        raise CommandFailed(
            f"No server runs on {folder}.", "Start one with batchin serve, or name one by its URL."
        ) from None
    return str(info["url"])


async def get(server: str, path: str) -> bytes:
    """The body of a JSON answer of 200. Raises CommandFailed."""
    async with http_client(server) as http:
        try:
            response = await http.get(path)
        except httpx2.HTTPError as error:
            raise CommandFailed(
                f"{server} can't be reached: {str(error) or type(error).__name__}."
            ) from None
    try:
        body = response.json()
    except ValueError:
        raise CommandFailed(f"{server} answered {response.status_code} without JSON.") from None
    if response.status_code != 200:
        message = body.get("error", {}).get("message") if isinstance(body, dict) else None
        raise CommandFailed(f"{server} answered {response.status_code}: {message or path}")
    return response.content


async def get_json(server: str, path: str) -> Any:
    """Raises CommandFailed."""
    return orjson.loads(await get(server, path))
