"""Pictures over OpenAI's route: what a request holds, and its answer as pictures."""

import base64
import binascii
from typing import Any, Final

import orjson

from base.usage import Usage
from runtime.engine import EngineCall, Fault
from runtime.picture import Picture
from runtime.png import png_size

_STEP: Final = 32  # pixels: the coarsest grid to which models round the sides of new pictures


def pictures_body(call: EngineCall) -> dict[str, Any]:
    """The request of as many pictures as there are seeds. A form holds one seed: the server counts on
    from it, as we do."""
    asked = call.body
    seeds = list(asked["seeds"])
    one = len(seeds) == 1 or bool(asked.get("pictures"))
    return {
        "model": call.model,
        "prompt": asked["prompt"],
        "size": f"{asked['width']}x{asked['height']}",
        "n": len(seeds),
        "seed": seeds[0] if one else seeds,
        "response_format": "b64_json",
        "output_format": "png",
    }


def pictures_of(call: EngineCall, body: bytes) -> tuple[tuple[Picture, ...], Usage] | Fault:
    """The pictures in the order of their seeds. CPU-bound, they are unpacked: call it in a thread."""
    seeds = list(call.body["seeds"])
    try:
        rows = orjson.loads(body)["data"]
        files = [base64.b64decode(row["b64_json"], validate=True) for row in rows]
        if len(files) != len(seeds):
            return _internal("pictures are missing")
        pictures = tuple(_picture(call, data, seed) for data, seed in zip(files, seeds, strict=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return _internal("pictures that can't be understood")
    return pictures, Usage(images=len(pictures))


def _picture(call: EngineCall, data: bytes, seed: int) -> Picture:
    """Raises ValueError for what is no whole PNG file, and for a new picture of another size than was
    asked for. One that was changed may keep the shape of what it was."""
    width, height = png_size(data)
    asked, new = call.body, not call.body.get("pictures")
    if new and not (_rounded(width, asked["width"]) and _rounded(height, asked["height"])):
        raise ValueError("a picture of another size")
    return Picture(data, width, height, seed)


def _rounded(side: int, asked: int) -> bool:
    """Whether a side is the asked one, or that one on a model's grid."""
    return side == asked or (asked % _STEP != 0 and abs(side - asked) < _STEP)


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)
