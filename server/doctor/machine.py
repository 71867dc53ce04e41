"""The machine: Python, the data dir and its lock, the port, the models."""

import os
import platform
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from base.settings import Settings
from server.doctor.finding import Finding, found, skipped
from storage.lock import DataDirLock, DataDirLocked

_OLDEST = (3, 11)


def machine(settings: Settings, server_runs: bool) -> Iterator[Finding]:
    """Blocking, and changes nothing: a data dir that does not exist is not made."""
    held = sys.version_info >= _OLDEST
    yield found("Python 3.11 or newer", held, platform.python_version())
    yield from _data_dir(settings.data_dir)
    yield _lock(settings.data_dir, server_runs)
    if not server_runs:
        yield _port(settings.host, settings.port)
    yield _models(settings)


def _data_dir(folder: Path) -> Iterator[Finding]:
    what = "the data dir is for its owner alone"
    if not folder.exists():
        parent = next(path for path in folder.parents if path.exists())
        yield found("the data dir can be made", os.access(parent, os.W_OK), str(folder))
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    yield found(what, not mode & 0o077, f"{folder} (mode {mode:04o})")
    yield found("the data dir can be written", os.access(folder, os.W_OK | os.X_OK), str(folder))


def _lock(folder: Path, server_runs: bool) -> Finding:
    if server_runs:
        return found("the data dir is locked by the server that runs on it", _is_locked(folder), "")
    if not folder.exists():
        return skipped("nobody holds the data dir", "there is none yet")
    return found("nobody holds the data dir", not _is_locked(folder), str(folder / "lock"))


def _is_locked(folder: Path) -> bool:
    try:
        with DataDirLock(folder, "batchin doctor"):
            return False
    except DataDirLocked:
        return True


def _port(host: str, port: int) -> Finding:
    what = "the port is free"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return found(what, False, f"{host}:{port}: {error.strerror}; choose another with --port")
    return found(what, True, f"{host}:{port}")


def _models(settings: Settings) -> Finding:
    what = "the local models are in the cache"
    if settings.engine == "sglang" and settings.sglang_python is None:
        return _sglang(settings)
    if settings.engine != "local":
        return skipped(what, f"engine = {settings.engine}")
    from runtime.local.artifacts import user_cache_dir
    from runtime.local.fetch import missing

    folder = settings.cache_dir or user_cache_dir()
    absent = [artifact.name for artifact in missing(folder)]
    seen = f"{', '.join(absent)} not in {folder}; the first start fetches it" if absent else str(folder)
    return skipped(what, seen) if absent else found(what, True, seen)


def _sglang(settings: Settings) -> Finding:
    from runtime.local.artifacts import user_cache_dir
    from runtime.sglang.environment import installed_environment

    what = "SGLang is installed"
    environment = installed_environment(settings.cache_dir or user_cache_dir())
    if environment is None:
        return found(what, False, "run batchin engines install sglang (--cpu where no GPU is)")
    return found(what, True, str(environment.folder))
