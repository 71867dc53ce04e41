"""Pictures over OpenAI's route: what a request holds, and its answer as pictures."""

import base64
import binascii
from typing import Any

import orjson

from base.usage import Usage
from runtime.engine import EngineCall, Fault
from runtime.picture import Picture
from runtime.png import png_size


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
        pictures = tuple(_picture(data, seed) for data, seed in zip(files, seeds, strict=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return _internal("pictures that can't be understood")
    return pictures, Usage(images=len(pictures))


def _picture(data: bytes, seed: int) -> Picture:
    """Raises ValueError for what is no whole PNG file."""
    width, height = png_size(data)
    return Picture(data, width, height, seed)


def _internal(detail: str) -> Fault:
    return Fault("internal", retryable=False, status=502, detail=detail)
