"""The tools video, video_get and video_cancel."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.errors import InvalidRequest, ServiceUnavailable, Unauthorized
from base.ids import new_id
from base.pricing import PriceCard, Quote
from base.upload import Upload
from base.usage import Usage
from runtime.catalog import Catalog, Model
from runtime.engine import Modality
from runtime.pool import Engines
from settlement.evidence.hashes import request_hash
from settlement.rail import Served
from storage.op import Op
from tools.core import Annotations, Call, Followed, Result, Tool
from tools.files.files import INLINE, File
from tools.immediate import NOWHERE, Immediate
from tools.jobs.accept import accepted, check_open
from tools.jobs.batch import VIDEOS, Batch, Priority, new_batch
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
            available=lambda: self.engines.serves(Modality.VIDEO),
            content=shown_as_content,
            job=self,
            version=3,
        )

    def _get(self) -> Tool[VideoIdInput]:
        return Tool(
            name="video_get",
            title="Video status",
            description="How far a video is, and where its file is once it is completed. Free.",
            Input=VideoIdInput,
            Output=VideoOutput,
            run=lambda args, call: Immediate(lambda: self.shelf.get(_account(call, args.id), args.id)),
            quote=None,
            modality=Modality.VIDEO,
            annotations=Annotations(read_only=True, idempotent=True),
            examples=(_NAMED,),
            available=lambda: self.engines.serves(Modality.VIDEO),
            content=shown_as_content,
        )

    def _cancel(self) -> Tool[VideoIdInput]:
        return Tool(
            name="video_cancel",
            title="Cancel a video",
            description="Stop a video that is being made; what it was to cost comes back. Free.",
            Input=VideoIdInput,
            Output=VideoOutput,
            run=lambda args, call: Immediate(
                lambda: self.shelf.cancel(_account(call, args.id), args.id)
            ),
            quote=None,
            modality=Modality.VIDEO,
            annotations=Annotations(read_only=False, idempotent=True),
            examples=(_NAMED,),
            available=lambda: self.engines.serves(Modality.VIDEO),
            content=shown_as_content,
        )

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

    def _submit(self, args: VideoInput, call: Call) -> "Submission":
        check_scopes(call, TOOL, args.model)
        return Submission(self, args, call)


class Submission:
    """Keeps the wish, sealed; the job is kept by the commit that charges or holds its price."""

    def __init__(self, tools: VideoTools, args: VideoInput, call: Call) -> None:
        self._tools = tools
        self._args = args
        self._call = call
        self._video: Batch | None = None
        self._file: File | None = None

    def reserve(self) -> None:
        """Nothing to wait for."""

    async def start(self) -> Served:
        await check_open(self._tools.shelf.parts, self._call.caller)
        video = self._video = self._new()
        async with self._tools.shelf.parts.files.making("") as upload:
            await upload.write(await asyncio.to_thread(self._wish, video.id))
            self._file = await upload.written("video.json", INLINE)
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        return
        yield

    def result(self) -> Result:
        if self._video is None:
            return Result({}, Usage(), request_hash({}))
        shown = self._tools.shelf.shown(self._video)
        return Result(shown, Usage(), request_hash({"id": shown["id"]}), also=self._also)

    async def close(self) -> None:
        """A wish that no commit kept is a stray: the next start removes it."""

    def _new(self) -> Batch:
        tools, args = self._tools, self._args
        (width, height), parts = args.sides, tools.shelf.parts
        about = {"model": args.model, "seconds": args.length_s, "width": width, "height": height}
        video_id = "video_" + self._call.run_id.removeprefix("run_")
        return new_batch(
            self._call.caller,
            video_id,
            seq=seq_of(video_id),
            file_id=new_id("file"),
            priority=Priority.HIGH,
            window_ms=tools.window_s * 1000,
            at_ms=parts.clock.now_ms(),
            keep_ms=parts.keep_s * 1000,
            inline=True,
            endpoint=VIDEOS,
            total=1,
            quoted_nano_usd=tools.price_nano_usd(args),
            metadata=orjson.dumps(about).decode(),
            lane=self._call.caller.lane,
        )

    def _wish(self, video_id: str) -> bytes:
        """Reads the picture from the disk: call it in a thread."""
        args, picture = self._args, self._args.input_reference
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

    def _also(self, account_id: str) -> Sequence[Op]:
        if self._video is None or self._file is None:
            return ()
        shelf = self._tools.shelf
        shelf.worker.wake_soon()
        return accepted(shelf.parts, self._video, self._file, self._call.caller, account_id)


def shown_as_content(output: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Its state, and a link to the file once there is one."""
    text = {"type": "text", "text": orjson.dumps(output).decode()}
    if output["status"] != "completed":
        return (text,)
    name = f"{output['id']}.mp4"
    link = {"type": "resource_link", "uri": output["output_url"], "name": name, "mimeType": "video/mp4"}
    return (link, text)


def _account(call: Call, object_id: str) -> str:
    account_id = call.caller.account_for(object_id)
    if account_id is None:
        raise Unauthorized
    return account_id
