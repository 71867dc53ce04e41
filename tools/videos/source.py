"""The one task of a video, out of its sealed input."""

import base64
from typing import Any, Final

import orjson

from base.upload import Upload
from tools.jobs.alone import alone
from tools.jobs.batch import VIDEOS

TOOL: Final = "video"


def _opened(wish: bytes) -> dict[str, Any]:
    arguments: dict[str, Any] = orjson.loads(wish)
    picture = arguments["picture"]
    return {**arguments, "picture": Upload.of(base64.b64decode(picture)) if picture else None}


source_of: Final = alone(VIDEOS, TOOL, _opened)
