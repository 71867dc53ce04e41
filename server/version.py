"""The version of the installed application."""

from importlib.metadata import version as _version_of


def version() -> str:
    return _version_of("batchin")
