"""Makes one video: a call of its own, charged from the hold of its job. Only jobs call it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, InstanceOf

from base.pricing import Quote
from base.upload import Upload
from base.usage import Usage
from runtime.catalog import Catalog
from runtime.engine import Event, Metered, Modality, Started
from runtime.pool import Engines
from runtime.video import Progress, Video
from settlement.rail import Served
from storage.op import Op
from tools.core import Call, Result, Tool
from tools.engine_run import EngineRun, engine_run
from tools.files.file import VIDEO, File
from tools.files.files import Files
from tools.files.ops import UNLIMITED
from tools.videos.source import TOOL

_STEP: Final = 1_048_576

Tell = Callable[[str, int], None]
"""Keeps how far a video is, in percent."""


class MakeInput(BaseModel):
    """What is left of a caller's wish: ``picture`` was looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    model: str
    prompt: str
    width: int
    height: int
    seconds: int
    seed: int
    picture: InstanceOf[Upload] | None = None


class MakeOutput(BaseModel):
    """What was made."""

    id: str
    model: str
    seconds: int
    size: str
    file_id: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Maker:
    """Builds the tool."""

    catalog: Catalog
    engines: Engines
    files: Files
    tell: Tell

    def tool(self) -> Tool[MakeInput]:
        return Tool(
            name=TOOL,
            title="Video",
            description="Make one video.",
            Input=MakeInput,
            Output=MakeOutput,
            run=self._run,
            quote=self.quote,
            modality=Modality.VIDEO,
            listed=False,
        )

    def quote(self, args: MakeInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.VIDEO)
        return Quote(args.model, model.card, Usage(video_ms=1000 * args.seconds))

    def _run(self, args: MakeInput, call: Call) -> "Making":
        model = self.catalog.resolve(args.model, Modality.VIDEO)
        body: dict[str, Any] = {
            "prompt": args.prompt,
            "width": args.width,
            "height": args.height,
            "seconds": args.seconds,
            "seed": args.seed,
        }
        if args.picture is not None:
            body["picture"] = args.picture
        run = engine_run(self.engines, call, Modality.VIDEO, model.engine_model, body)
        return Making(self, run, args, call.caller.account_id or "")


class Making:
    """One run of the engine; its file is kept by the commit that charges it."""

    def __init__(self, maker: Maker, run: EngineRun, args: MakeInput, account_id: str) -> None:
        self._maker = maker
        self._run = run
        self._args = args
        self._account_id = account_id
        self._usage = Usage()
        self._file: File | None = None

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        served = await self._run.start()
        self._maker.tell(self._args.id, 0)
        return served

    async def events(self) -> AsyncIterator[Event]:
        async for event in self._run.events():
            match event:
                case Started():
                    await self._forget()
                case Progress():
                    self._maker.tell(self._args.id, event.percent)
                case Video():
                    self._file = await self._kept(event)
                case Metered():
                    self._usage = event.usage
                case _:
                    yield event

    def result(self) -> Result:
        args, file = self._args, self._file
        output = {
            "id": args.id,
            "model": args.model,
            "seconds": args.seconds,
            "size": f"{args.width}x{args.height}",
            "file_id": file.id if file else "",
            "bytes": file.size if file else 0,
        }
        digest = file.sha256.hex() if file else ""
        return Result(output, self._usage, f"sha256:{digest}", self._run.ran, also=self._also)

    async def close(self) -> None:
        await self._run.close()

    def _also(self, _: str) -> Sequence[Op]:
        files = self._maker.files
        return () if self._file is None else (files.addition(self._file, space=UNLIMITED),)

    async def _forget(self) -> None:
        """Another engine begins anew."""
        file, self._file = self._file, None
        if file is not None:
            await self._maker.files.discard(file)

    async def _kept(self, video: Video) -> File:
        """The file, sealed, its bytes durable; no row names it yet."""
        async with self._maker.files.making(self._account_id) as upload:
            with await asyncio.to_thread(video.file.path.open, "rb") as source:
                while piece := await asyncio.to_thread(source.read, _STEP):
                    await upload.write(piece)
            name = f"{self._args.id}.mp4"
            return await upload.written(name, VIDEO, file_id=file_id_of(self._args.id))


def file_id_of(video_id: str) -> str:
    """A video tells where its file will be before there is one."""
    return f"file_{video_id}"
