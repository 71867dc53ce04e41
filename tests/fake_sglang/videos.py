"""Videos of SGLang's diffusion server, after its source (0.5.23): jobs in its memory.

A video gets on whenever it is looked at, so that nothing waits for a clock.
"""

import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from tests.fake_sglang.forms import form_of
from tests.fake_sglang.http import Exchange, Left
from tests.fake_sglang.refused import Refused

if TYPE_CHECKING:
    from tests.fake_sglang.server import FakeSglang

PATH: Final = "/v1/videos"
_STUCK_AT: Final = 40
_NO_VIDEO: Final = b"<html>no video</html>"


@dataclass(slots=True)
class FakeVideo:
    """A job: ``looks`` counts how often it was looked at."""

    id: str
    told: Mapping[str, Any]
    created_s: int
    looks: int = 0

    def shown(self, needed: int, fault: str | None) -> dict[str, Any]:
        done = min(100, 100 * self.looks // needed)
        status = "completed" if done == 100 else "in_progress" if self.looks else "queued"
        if fault == "stuck":
            done, status = min(done, _STUCK_AT), "in_progress"
        if fault == "fail" and done >= _STUCK_AT:
            status = "failed"
        error = {"message": "CUDA out of memory in /srv/sglang/wan.py"} if status == "failed" else None
        return {
            "id": self.id,
            "object": "video",
            "model": self.told["model"],
            "status": status,
            "progress": done if status == "completed" else min(done, 99),
            "created_at": self.created_s,
            "size": self.told["size"],
            "seconds": str(self.told["seconds"]),
            "quality": "standard",
            "url": None,
            "error": error,
            "file_path": f"/srv/outputs/{self.id}.mp4",
            "peak_memory_mb": 41_000.5,
        }


async def answered(fake: "FakeSglang", exchange: Exchange, path: str) -> None:
    """Whatever is asked of videos. Raises Refused, Left."""
    match exchange.method, path.removeprefix(PATH).strip("/").split("/"):
        case "POST", [""]:
            await exchange.say(200, _created(fake, exchange))
        case "GET", [video_id]:
            await _look(fake, exchange, _found(fake, video_id))
        case "GET", [video_id, "content"]:
            await _content(fake, exchange, _found(fake, video_id))
        case "DELETE", [video_id]:
            video = _found(fake, video_id)
            del fake.videos[video_id]
            await exchange.say(200, {**video.shown(fake.kind.video_looks, None), "status": "deleted"})
        case _:
            raise Refused({"detail": "Not Found"}, 404)


def mp4(told: Mapping[str, Any]) -> bytes:
    """The smallest thing that begins as an MP4 file, another one for each request."""
    brand = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom")
    body = orjson.dumps([told["prompt"], told["size"], int(told["seconds"]), int(told["seed"])])
    return brand + struct.pack(">I4s", 8 + len(body), b"mdat") + body


def _created(fake: "FakeSglang", exchange: Exchange) -> Mapping[str, Any]:
    if exchange.headers["content-type"].startswith("multipart/form-data"):
        form = form_of(exchange)
        told: dict[str, Any] = {name: value.decode("latin-1") for name, value in form.items()}
    else:
        told = orjson.loads(exchange.body)
    fake.seen.append(told)
    if fake.faults.queue_full:
        raise Refused({"detail": "The request queue is full."}, 503)
    if not told.get("prompt"):
        raise Refused({"detail": "prompt is required"})
    number = 1 + sum("seconds" in seen for seen in fake.seen[:-1])
    video_id = "../../etc/passwd" if fake.faults.video_fault == "foreign" else f"video-{number}"
    video = fake.videos[video_id] = FakeVideo(video_id, told, int(time.time()))
    return video.shown(fake.kind.video_looks, fake.faults.video_fault)


def _found(fake: "FakeSglang", video_id: str) -> FakeVideo:
    video = fake.videos.get(video_id)
    if video is None:
        raise Refused({"detail": "Video not found"}, 404)
    return video


async def _look(fake: "FakeSglang", exchange: Exchange, video: FakeVideo) -> None:
    video.looks += 1
    match fake.faults.video_fault:
        case "lost" if video.looks > 1:
            fake.videos.clear()
            raise Refused({"detail": "Video not found"}, 404)
        case "die" if video.looks > 1:
            fake.listener.die()
            raise Left
        case "away" if video.looks == 2:
            raise Refused({"detail": "Bad Gateway"}, 502)
        case "reset" if video.looks == 2:
            exchange.reset()
        case "garbage" if video.looks > 1:
            await exchange.give(200, b'{"id": 7, "status": ["com', "application/json")
        case fault:
            await exchange.say(200, video.shown(fake.kind.video_looks, fault))


async def _content(fake: "FakeSglang", exchange: Exchange, video: FakeVideo) -> None:
    if video.looks < fake.kind.video_looks:
        raise Refused({"detail": "Generation is still in-progress"}, 404)
    match fake.faults.video_fault:
        case "no_video":
            await exchange.give(200, _NO_VIDEO, "video/mp4")
        case "cut":
            body = mp4(video.told)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            await exchange.raw(head + body[:-4])
            exchange.reset()
        case _:
            await exchange.give(200, mp4(video.told), "video/mp4")
