"""The tools video, video_get and video_cancel."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.errors import InvalidRequest, ServiceUnavailable
from base.ids import new_id
from base.pricing import PriceCard, Quote
from base.upload import Upload
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Modality
from runtime.pool import Engines
from tools.core import Annotations, Call, Followed, Tool
from tools.jobs.batch import VIDEOS, Batch, Priority, new_batch
from tools.jobs.beside import Beside
from tools.jobs.submission import HandedIn, Submission
from tools.look import Looker
from tools.scopes import check_scopes
from tools.videos.schema import VideoIdInput, VideoInput, VideoOutput
from tools.videos.shelf import VideoShelf, seq_of
from tools.videos.source import TOOL

_CARD: Final = PriceCard("video", 0, 0)
_SEEDS: Final = 2**31
_NAMED: Final = {"id": "video_0192f0c44b5d7c63a1c5b6f0e6a8d9b2"}
_AWAY: Final = "The engine for videos is starting, being restarted or failing."


@dataclass(frozen=True, slots=True)
class VideoTools:
    """Builds the three tools. ``video`` is listed also where no engine serves it. ``window_s``: how long
    a video waits for an engine."""

    catalog: Catalog
    engines: Engines
    shelf: VideoShelf
    looker: Looker
    window_s: int

    def tools(self) -> Sequence[Tool[Any]]:
        return (self._video(), self._get(), self._cancel())

    def _video(self) -> Tool[VideoInput]:
        return Tool(
            name=TOOL,
            title="Video",
            description=(
                "Make a video from a prompt, or from a picture and a prompt. It takes minutes: the "
                "answer is a job; poll it with video_get. Its price is held or paid first, and comes "
                "back if it fails. It needs an engine for videos; see available."
            ),
            Input=VideoInput,
            Output=VideoOutput,
            run=self._submit,
            quote=self._quote,
            prepare=self._prepare,
            modality=Modality.VIDEO,
            annotations=Annotations(read_only=False),
            examples=({"model": "wan-2.2", "prompt": "waves on a beach", "duration_seconds": 5},),
            available=self._served,
            content=shown_as_content,
            job=self,
            version=3,
        )

    def _beside(self) -> Beside:
        served = self._served
        return Beside(VideoIdInput, VideoOutput, Modality.VIDEO, _NAMED, served, shown_as_content)

    def _get(self) -> Tool[Any]:
        what = "How far a video is, and where its file is once it is completed. Free."
        return self._beside().look("video_get", "Video status", what, self._shown)

    def _cancel(self) -> Tool[Any]:
        what = "Stop a video that is being made; what it was to cost comes back. Free."
        return self._beside().cancel("video_cancel", "Cancel a video", what, self._cancelled)

    async def _shown(self, account_id: str, video_id: str) -> Mapping[str, Any]:
        return await self.shelf.get(account_id, video_id)

    async def _cancelled(self, account_id: str, video_id: str) -> Mapping[str, Any]:
        return await self.shelf.cancel(account_id, video_id)

    def _served(self) -> bool:
        return self.engines.serves(Modality.VIDEO)

    async def states(self, output: Mapping[str, Any]) -> AsyncIterator[Followed]:
        """Implements tools.core.Job."""
        async for shown in self.shelf.states(str(output["id"])):
            status, percent = shown["status"], shown["progress"]
            yield Followed(shown, f"{status}, {percent} %", failed=status == "failed")

    async def stop(self, output: Mapping[str, Any]) -> None:
        await self.shelf.stop(str(output["id"]))

    async def _prepare(self, args: VideoInput, call: Call) -> VideoInput:
        """A picture is fetched and looked at before anything is asked for it."""
        model = self._model(args)
        if args.input_reference is None:
            return args
        if not model.sees:
            raise InvalidRequest(
                f"{args.model} takes no picture to begin with.",
                param="input_reference",
                resolution="Send the prompt alone.",
            )
        picture = await self.looker.picture(args.input_reference, "input_reference", call)
        return args.model_copy(update={"input_reference": picture})

    def _quote(self, args: VideoInput) -> Quote:
        """Nothing for taking the wish; what the video costs is kept for it."""
        return Quote(TOOL, _CARD, Usage(), self.price_nano_usd(args))

    def price_nano_usd(self, args: VideoInput) -> int:
        model = self._model(args)
        if not self.engines.answers(Modality.VIDEO, model.engine_model):
            raise ServiceUnavailable(_AWAY, retry_after_s=5)
        return model.card.cost_nano_usd(Usage(video_ms=1000 * args.length_s))

    def _model(self, args: VideoInput) -> Model:
        return self.catalog.resolve(args.model, Modality.VIDEO)

    def _submit(self, args: VideoInput, call: Call) -> Submission:
        check_scopes(call, TOOL, args.model)
        shelf = self.shelf

        async def hand_in() -> HandedIn:
            video = self._new(args, call)
            wish = await asyncio.to_thread(_wish, args, video.id)
            return HandedIn(video, shelf.shown(video), (wish,), "video.json")

        return Submission(shelf.parts, call, hand_in, shelf.worker.wake_soon)

    def _new(self, args: VideoInput, call: Call) -> Batch:
        (width, height), parts = args.sides, self.shelf.parts
        about = {"model": args.model, "seconds": args.length_s, "width": width, "height": height}
        video_id = "video_" + call.run_id.removeprefix("run_")
        return new_batch(
            call.caller,
            video_id,
            seq=seq_of(video_id),
            file_id=new_id("file"),
            priority=Priority.HIGH,
            window_ms=self.window_s * 1000,
            at_ms=parts.clock.now_ms(),
            keep_ms=parts.keep_s * 1000,
            inline=True,
            endpoint=VIDEOS,
            total=1,
            quoted_nano_usd=self.price_nano_usd(args),
            metadata=orjson.dumps(about).decode(),
            lane=call.caller.lane,
        )


def _wish(args: VideoInput, video_id: str) -> bytes:
    """What is kept of it. Reads the picture from the disk: call it in a thread."""
    picture = args.input_reference
    given = base64.b64encode(picture.data).decode() if isinstance(picture, Upload) else None
    width, height = args.sides
    wish = {
        "id": video_id,
        "model": args.model,
        "prompt": args.prompt,
        "width": width,
        "height": height,
        "seconds": args.length_s,
        "seed": args.seed if args.seed is not None else secrets.randbelow(_SEEDS),
        "picture": given,
    }
    return orjson.dumps(wish)


def shown_as_content(output: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its state, and a link to the file once there is one."""
    text = {"type": "text", "text": orjson.dumps(output).decode()}
    if output["status"] != "completed":
        return (text,)
    name = f"{output['id']}.mp4"
    link = {"type": "resource_link", "uri": output["output_url"], "name": name, "mimeType": "video/mp4"}
    return (link, text)
