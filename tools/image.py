"""The image tool: a prompt in, pictures out."""

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

from base.clock import Clock
from base.errors import EngineNotConfigured, InvalidRequest
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog
from runtime.engine import Event, Metered, Modality, Started
from runtime.picture import LEAST_SIDE, MOST_SIDE, Picture
from runtime.pool import Engines
from settlement.rail import Served
from tools.core import Annotations, Call, Result, Tool
from tools.engine_run import EngineRun, engine_run
from tools.given import GivenPicture
from tools.look import Looker

MAX_PROMPT = 4000
MAX_PICTURES = 10
MAX_GIVEN = 8
_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")
_USUAL = (1024, 1024)
_SEEDS = 2**31

Keep = Callable[[bytes], Awaitable[str]]
"""Keeps a PNG and returns the URL that it can be fetched from for a while."""


class ImageInput(BaseModel):
    """Arguments of one call, as OpenAI's images.generate has them. ``user`` and ``moderation`` are
    accepted and have no effect."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str = Field(min_length=1, max_length=256, description="Image model id.")
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT, description="What the picture shows.")
    image: list[GivenPicture] | None = Field(
        None,
        min_length=1,
        max_length=MAX_GIVEN,
        description=(
            "Pictures to change as the prompt says, where the model can: URLs or data: URLs of PNG, "
            "JPEG or WebP files."
        ),
    )
    n: int | None = Field(1, ge=1, le=MAX_PICTURES, description="How many pictures.")
    size: str | None = Field(
        "1024x1024",
        max_length=16,
        description=f"WIDTHxHEIGHT in pixels, each {LEAST_SIDE} to {MOST_SIDE}; auto is 1024x1024.",
    )
    response_format: Literal["url", "b64_json"] | None = Field(
        None,
        description=(
            "A link that works for a while, or the PNG as base64; by default a link over HTTP, and over "
            "MCP the picture itself."
        ),
    )
    seed: int | None = Field(
        None,
        ge=0,
        lt=_SEEDS,
        description="The same seed gives the same picture; by default a random one.",
    )
    quality: Literal["auto", "standard"] | None = Field("auto", description="There is one quality.")
    output_format: Literal["png"] | None = Field("png", description="Pictures are PNG files.")
    background: Literal["auto", "opaque"] | None = Field("auto", description="Backgrounds are opaque.")
    moderation: Literal["auto", "low"] | None = Field(None, description="Accepted, without effect.")
    user: str | None = Field(None, description="Accepted, without effect.")
    stream: Literal[False] | None = Field(None, description="Pictures come whole.")

    @field_validator("stream", mode="before")
    @classmethod
    def _flag(cls, value: Any) -> Any:
        """A form holds texts."""
        return False if value == "false" else value


class Matched(BaseModel):
    """One thing that was drawn, and how its words were understood."""

    concept: str
    how: Literal["label", "alias", "tag", "emoji", "meaning"]
    score_permille: int = Field(description="Likeness of words and concept; 1000 is exact.")
    count: int
    colour: str | None = None


class ImageFacts(BaseModel):
    """How an engine that composes came to its picture; absent where the engine tells nothing."""

    matched: list[Matched]
    scene: list[str]
    ignored: int = Field(description="How many words or phrases had no effect.")


class ImageEntry(BaseModel):
    """One picture."""

    url: str | None = None
    b64_json: str | None = None
    revised_prompt: str | None = Field(None, description="What was drawn, in the engine's words.")
    seed: int
    ignored: list[str] = Field(description="Words of the prompt without effect.")
    facts: ImageFacts | None = None


class ImageOutput(BaseModel):
    """Pictures, as OpenAI's images.generate answers."""

    created: int
    model: str
    size: str
    output_format: Literal["png"]
    data: list[ImageEntry]


@dataclass(frozen=True, slots=True)
class Images:
    """Builds the image tool over the engines and the catalog. ``keep`` makes links of pictures,
    ``looker`` sees to those that are to be changed."""

    catalog: Catalog
    engines: Engines
    clock: Clock
    keep: Keep
    looker: Looker

    def tool(self) -> Tool[ImageInput]:
        return Tool(
            name="image",
            title="Image",
            description=(
                "Make pictures from a prompt, in any size, or change given ones. What the model can't "
                "draw is refused before anything is paid, with the nearest that it can. Paid per image."
            ),
            Input=ImageInput,
            Output=ImageOutput,
            run=self._run,
            quote=self._quote,
            modality=Modality.IMAGE,
            annotations=Annotations(read_only=True, idempotent=True, open_world=False),
            examples=({"model": "flux-schnell", "prompt": "a fox in a snowy forest"},),
            content=_content,
            prepare=self._prepare,
            version=3,
            available=lambda: self.engines.serves(Modality.IMAGE),
        )

    async def _prepare(self, args: ImageInput, call: Call) -> ImageInput:
        """Given pictures are fetched and looked at before anything is asked for them."""
        if args.image is None:
            return args
        check_edits(self.catalog, args.model)
        given = [await self.looker.picture(picture, "image", call) for picture in args.image]
        return args.model_copy(update={"image": given})

    async def _quote(self, args: ImageInput) -> Quote:
        model = self.catalog.resolve(args.model, Modality.IMAGE)
        _size(args.size)
        if model.check is not None:
            await model.check(args.prompt)
        return Quote(args.model, model.card, Usage(images=args.n or 1))

    def _run(self, args: ImageInput, call: Call) -> "ImageExecution":
        model = self.catalog.resolve(args.model, Modality.IMAGE)
        width, height = _size(args.size)
        first = args.seed if args.seed is not None else secrets.randbelow(_SEEDS)
        body: dict[str, Any] = {
            "prompt": args.prompt,
            "width": width,
            "height": height,
            "seeds": [(first + number) % _SEEDS for number in range(args.n or 1)],
        }
        if args.image is not None:
            body["pictures"] = args.image
        run = engine_run(self.engines, call, Modality.IMAGE, model.engine_model, body)
        keep = self.keep if _wants_link(args, call) else None
        return ImageExecution(run, args, keep, self.clock.now_ms() // 1000)


class ImageExecution:
    """One image run. ``keep`` makes links of its pictures; without it they are in the answer."""

    def __init__(self, run: EngineRun, args: ImageInput, keep: Keep | None, created_s: int) -> None:
        self._run = run
        self._args = args
        self._keep = keep
        self._created_s = created_s
        self._size = _size(args.size)
        self._entries: list[Mapping[str, Any]] = []
        self._digest = hashlib.sha256()
        self._usage = Usage()
        self._details: list[Mapping[str, Any]] = []

    def reserve(self) -> None:
        self._run.reserve()

    async def start(self) -> Served:
        return await self._run.start()

    async def events(self) -> AsyncIterator[Event]:
        """Pictures are gathered: they are charged and signed before any of them is shown."""
        async for event in self._run.events():
            match event:
                case Started():
                    self._forget()
                case Picture():
                    self._entries.append(await self._entry(event))
                case Metered():
                    self._usage = event.usage
                case _:
                    yield event

    def result(self) -> Result:
        width, height = self._size
        output = {
            "created": self._created_s,
            "model": self._args.model,
            "size": f"{width}x{height}",
            "output_format": "png",
            "data": self._entries,
        }
        details = {"pictures": self._details} if any(self._details) else {}
        return Result(output, self._usage, "sha256:" + self._digest.hexdigest(), self._run.ran, details)

    async def close(self) -> None:
        await self._run.close()

    def _forget(self) -> None:
        """Another engine begins anew."""
        self._entries, self._details, self._digest = [], [], hashlib.sha256()

    async def _entry(self, picture: Picture) -> Mapping[str, Any]:
        self._digest.update(picture.data)
        self._size = picture.width, picture.height
        self._details.append(picture.facts)
        told = {
            "revised_prompt": picture.told or None,
            "seed": picture.seed,
            "ignored": list(picture.ignored),
            "facts": dict(picture.facts) or None,
        }
        if self._keep is not None:
            return {"url": await self._keep(picture.data), **told}
        encoded = await asyncio.to_thread(base64.b64encode, picture.data)
        return {"b64_json": encoded.decode(), **told}


def check_edits(catalog: Catalog, asked: str) -> None:
    """Raises EngineNotConfigured where no model changes pictures, InvalidRequest where this one does
    not, and what ``Catalog.resolve`` raises."""
    model = catalog.resolve(asked, Modality.IMAGE)
    if model.sees:
        return
    able = [one.id for one in catalog if one.modality is Modality.IMAGE and one.sees]
    if not able:
        raise EngineNotConfigured(
            "This server has no engine that edits pictures.",
            param="model",
            resolution="POST /v1/images/generations makes pictures from a prompt.",
        )
    raise InvalidRequest(
        f"{asked} does not change pictures.", param="model", resolution=f"Use {' or '.join(able)}."
    )


def _wants_link(args: ImageInput, call: Call) -> bool:
    """An agent that calls a tool wants to see the picture; an HTTP client expects OpenAI's default."""
    if args.response_format is None:
        return not call.resource.url.startswith("mcp:")
    return args.response_format == "url"


def _size(text: str | None) -> tuple[int, int]:
    """Width and height in pixels. Raises InvalidRequest."""
    if text is None or text == "auto":
        return _USUAL
    asked = _SIZE.fullmatch(text)
    sides = (int(asked[1]), int(asked[2])) if asked else (0, 0)
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
        raise InvalidRequest(
            f"size is WIDTHxHEIGHT with sides of {LEAST_SIDE} to {MOST_SIDE} pixels.",
            param="size",
            resolution="Send for example 1024x1024, 1536x1024 or auto.",
        )
    return sides


def _content(output: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Pictures as MCP shows pictures, links as links, and what is to be said of them as text."""
    blocks: list[Mapping[str, Any]] = []
    for number, entry in enumerate(output["data"], start=1):
        if "b64_json" in entry:
            blocks.append({"type": "image", "data": entry["b64_json"], "mimeType": "image/png"})
        else:
            name = f"picture {number}"
            blocks.append(
                {"type": "resource_link", "uri": entry["url"], "name": name, "mimeType": "image/png"}
            )
    entries = [{k: v for k, v in entry.items() if k != "b64_json"} for entry in output["data"]]
    told = orjson.dumps({**output, "data": entries}).decode()
    return (*blocks, {"type": "text", "text": told})
