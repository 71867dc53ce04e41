"""Where the Markdown, the programs and the pictures of the documentation lie."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def sources() -> Traversable:
    """The folder that holds ``docs/``, ``examples/`` and ``CHANGELOG.md``: packed into the wheel, or the
    root of the checkout."""
    packed = files("server.site").joinpath("content")
    return packed if packed.is_dir() else Path(__file__).parents[2]
