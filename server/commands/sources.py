"""Where ``verify`` finds a bundle, and the keys to believe."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from base.ids import run_id_from
from server.commands.failure import USAGE, CommandFailed
from server.commands.office import folder_of
from server.commands.running import get, local_url
from settlement.evidence.bundle import parse_bundle
from settlement.evidence.trust import (
    NOBODY,
    Trust,
    UnreadableKeys,
    trust_from_document,
    trust_from_pins,
)

_KEYS_PATH = "/v1/vaas/pubkey/current"


@dataclass(frozen=True, slots=True)
class Source:
    """What the command line named."""

    name: str
    pins: tuple[str, ...]
    keys: Path | None
    url: str | None
    data_dir: Path | None
    config: Path | None


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle and the keys to believe; ``keys_from`` says in words whose they are. ``server`` is who
    can be asked about the bundle's log, None where nobody was named."""

    bundle: Any
    trust: Trust
    keys_from: str
    server: str | None = None


async def read_source(source: Source) -> Found:
    """Raises CommandFailed, and UnreadableBundle for what is no bundle at all."""
    pinned = _pinned(source.pins)
    listed, whose = NOBODY, []
    if source.pins:
        whose.append(f"{len(source.pins)} pinned")
    server = await _server(source)
    if source.keys is not None:
        listed = _listed(read_json(source.keys))
        whose.append(str(source.keys))
    elif server is not None and not source.pins:
        listed = _listed(orjson.loads(await get(server, _KEYS_PATH)))
        whose.append(f"as {server} publishes them")
    trust = Trust(pinned.keys + listed.keys, pinned.log_keys + listed.log_keys)
    keys_from = " and ".join(whose) or "none (--key, --keys and --url name some)"
    return Found(await _bundle(source, server), trust, keys_from, server or _host(source.name))


def read_json(path: Path) -> Any:
    """Raises CommandFailed."""
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{path} can't be read: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise CommandFailed(f"{path} is not JSON: {error}.") from None


def _host(name: str) -> str | None:
    """The server behind the URL of a bundle."""
    if not name.startswith(("http://", "https://")):
        return None
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.netloc}"


async def _server(source: Source) -> str | None:
    """The server to ask: --url, else for an ID the one that runs on the data dir."""
    if source.url is not None:
        return source.url.rstrip("/")
    if not _is_id(source.name):
        return None
    return await local_url(folder_of(source.data_dir, source.config))


async def _bundle(source: Source, server: str | None) -> Any:
    host = _host(source.name)
    if host is not None:
        return parse_bundle(await get(host, source.name))
    if _is_id(source.name):
        assert server is not None  # _server says so for an id
        return parse_bundle(await get(server, f"/v1/vaas/{source.name}/bundle"))
    return parse_bundle(_bytes(source.name))


def _is_id(name: str) -> bool:
    return run_id_from(name) is not None and not Path(name).exists()


def _bytes(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise CommandFailed(
            f"{name} is neither a file nor an id.",
            "An id looks like run_..., vaas_... or a UUID.",
            USAGE,
        ) from None
    except OSError as error:
        raise CommandFailed(f"{name} can't be read: {error.strerror}.") from None


def _pinned(pins: tuple[str, ...]) -> Trust:
    try:
        return trust_from_pins(pins)
    except UnreadableKeys as error:
        raise CommandFailed(f"--key: {error}", status=USAGE) from None


def _listed(document: Any) -> Trust:
    try:
        return trust_from_document(document)
    except UnreadableKeys as error:
        raise CommandFailed(f"The list of keys can't be used. {error}") from None
