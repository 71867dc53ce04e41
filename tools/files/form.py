"""What the form of an upload says of its file: purpose, life, name."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from base.errors import InvalidRequest
from tools.files.file import PURPOSES

SHORTEST_LIFE_S: Final = 3600
LONGEST_LIFE_S: Final = 2_592_000
_MOST_NAME_CHARS: Final = 255


def check_purpose(purpose: object) -> str:
    """Raises InvalidRequest."""
    if purpose not in PURPOSES:
        raise InvalidRequest(
            f"purpose should be one of {', '.join(PURPOSES)}.",
            param="purpose",
            resolution="Send the form field purpose; batch is for the input of a batch.",
        )
    return str(purpose)


def life_from(fields: Mapping[str, Any]) -> int | None:
    """``expires_after[anchor]`` and ``expires_after[seconds]`` of a form. Raises InvalidRequest."""
    anchor, seconds = (fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    if anchor is None and seconds is None:
        return None
    text = str(seconds)
    whole = text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_LIFE_S))
    if anchor != "created_at" or not whole or not SHORTEST_LIFE_S <= int(text) <= LONGEST_LIFE_S:
        raise InvalidRequest(
            "expires_after should be anchor created_at and seconds from "
            f"{SHORTEST_LIFE_S} to {LONGEST_LIFE_S}.",
            param="expires_after",
        )
    return int(text)


def clean_name(filename: str) -> str:
    """The last part of a path, without control characters; ``file`` when nothing is left."""
    last = re.split(r"[/\\]", filename)[-1]
    kept = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip(" .")
    return kept[:_MOST_NAME_CHARS] or "file"
