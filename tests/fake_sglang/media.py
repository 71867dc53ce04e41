"""Sound and pictures: the transcription route of SGLang, and the routes of its diffusion and omni
servers.

Made after their sources (0.5.23 and sglang-omni 0.1.9), which need a GPU: what they answer well was
never held against one. What the transcription route refuses is recorded from the real server.
"""

import base64
import io
import struct
import time
import wave
import zlib
from typing import TYPE_CHECKING, Any, Final

import orjson

from tests.fake_sglang import shapes, videos
from tests.fake_sglang.forms import count_of, form_of
from tests.fake_sglang.http import Exchange
from tests.fake_sglang.refused import Refused

if TYPE_CHECKING:
    from tests.fake_sglang.server import FakeSglang

_RATE: Final = 24_000
_TRANSCRIPTS: Final = {"json", "text", "verbose_json"}
_HEADS: Final = {
    "wav": b"RIFF\x24\x00\x00\x00WAVE",
    "mp3": b"\xff\xfb\x90\x64",
    "flac": b"fLaC",
    "pcm": b"",
    "aac": b"\xff\xf1\x50\x80",
    "opus": b"OggS" + bytes(22) + b"\x01\x13OpusHead",
}
"""What files of each format begin with."""


async def answered(fake: "FakeSglang", exchange: Exchange, path: str) -> bool:
    """Whether it was one of these routes, then answered."""
    match fake.kind.program, exchange.method, path:
        case "srt" | "omni", "POST", "/v1/audio/transcriptions":
            await exchange.say(200, _transcript(fake, exchange))
        case "omni", "POST", "/v1/audio/speech":
            await exchange.give(200, _speech(fake, _told(fake, exchange)), "audio/wav")
        case "diffusion", "POST", "/v1/images/generations":
            await exchange.say(200, _pictures(fake, _told(fake, exchange)))
        case "diffusion", "POST", "/v1/images/edits":
            await exchange.say(200, _edited(fake, exchange))
        case "diffusion", _, _ if path.startswith("/v1/videos"):
            await videos.answered(fake, exchange, path)
        case _:
            return False
    return True


def _told(fake: "FakeSglang", exchange: Exchange) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(exchange.body)
    fake.seen.append(told)
    return told


def _transcript(fake: "FakeSglang", exchange: Exchange) -> dict[str, Any]:
    """One segment for each second; it hears the number of its second."""
    told = form_of(exchange)
    if "file" not in told:
        raise Refused(shapes.error("body.file: Field required", "Bad Request"))
    if told.get("response_format", b"json").decode() not in _TRANSCRIPTS:
        message = "Only 'json', 'text', and 'verbose_json' formats supported"
        raise Refused({"error": {"message": message}})
    fake.seen.append({name: value for name, value in told.items() if name != "file"})
    with wave.open(io.BytesIO(told["file"])) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    segments = [
        {"id": number, "start": float(number), "end": min(number + 1.0, seconds), "text": f" {number}"}
        for number in range(int(-(-seconds // 1)))
    ]
    return {
        "task": "transcribe",
        "language": told.get("language", b"en").decode(),
        "duration": seconds,
        "text": "".join(segment["text"] for segment in segments),
        "segments": segments,
        "usage": {"type": "duration", "seconds": int(-(-seconds // 1))},
    }


def _speech(fake: "FakeSglang", told: dict[str, Any]) -> bytes:
    """Silence, a tenth of a second for each letter; of other formats than wav just the head."""
    if told["model"] != fake.kind.model:
        raise _refused(404, f"The model {told['model']!r} does not exist.", "model")
    if told["response_format"] not in _HEADS:
        raise _refused(400, "response_format must be one of", "response_format")
    if len(told["input"]) > 4096:
        raise _refused(400, "input must be at most 4096 characters", "input")
    if fake.faults.media_fault == "another_format":
        return _HEADS["flac" if told["response_format"] == "wav" else "wav"]
    if told["response_format"] != "wav":
        return _HEADS[told["response_format"]] + bytes(64)
    frames = int(len(told["input"]) * _RATE / 10 / told["speed"])
    if fake.faults.media_fault == "silent":
        frames = 0
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, _RATE, frames, "NONE", ""))
        sound.writeframes(bytes(2 * frames))
    return file.getvalue()


def _refused(status: int, message: str, param: str) -> Refused:
    error = {"message": message, "type": "BadRequestError", "param": param, "code": status}
    return Refused({"error": error}, status)


def _pictures(fake: "FakeSglang", told: dict[str, Any]) -> dict[str, Any]:
    """One gray for each seed."""
    width, height = map(int, told["size"].split("x"))
    if fake.faults.media_fault == "another_size":
        width //= 2
    seeds = told["seed"] if isinstance(told["seed"], list) else [told["seed"]]
    if len(seeds) != told["n"]:
        raise Refused({"detail": "seed list must have one seed for each output"})
    return {
        "id": "img_1",
        "created": int(time.time()),
        "data": [
            {
                "b64_json": base64.b64encode(gray(width, height, seed % 256)).decode(),
                "url": None,
                "revised_prompt": told["prompt"],
                "file_path": "/srv/outputs/img_1.png",
                "resize": None,
            }
            for seed in seeds
        ],
        "peak_memory_mb": 12_000.5,
        "inference_time_s": 1.25,
        "usage": None,
    }


def _edited(fake: "FakeSglang", exchange: Exchange) -> dict[str, Any]:
    """As new pictures, each a shade darker than its seed for every picture that was given."""
    told = form_of(exchange)
    given = count_of(exchange, "image")
    fake.seen.append({**told, "image": given})
    if not given:
        raise Refused({"detail": "Field 'image' or 'url' is required"}, 422)
    first, count = int(told["seed"]), int(told["n"])
    asked = {
        "size": told["size"].decode(),
        "prompt": told["prompt"].decode(),
        "seed": [first + number - given for number in range(count)],
        "n": count,
    }
    return _pictures(fake, asked)


def gray(width: int, height: int, shade: int) -> bytes:
    """A PNG file of one shade."""
    rows = (b"\x00" + bytes([shade]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
