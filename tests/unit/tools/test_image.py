"""The image tool: quotes after a look at the prompt, answers in OpenAI's shape, hashes what is shown."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from pydantic import ValidationError

from base.errors import InvalidRequest, ModelNotFound
from base.pricing import Quote
from base.usage import Usage
from runtime.catalog import Catalog, Model, price_card
from runtime.engine import Event, Metered, Modality
from runtime.picture import Picture
from runtime.pool import Engines
from settlement.evidence.bodies import UnreadableBody, response_hash
from settlement.rail import Served
from tests.clocks import HandClock
from tools.core import Tool
from tools.engine_run import EngineRun
from tools.image import ImageExecution, ImageInput, ImageOutput, Images
from tools.look import Looker

FACTS = {
    "matched": [{"concept": "cat", "how": "label", "score_permille": 1000, "count": 1}],
    "scene": ["beach"],
    "ignored": 1,
}
PICTURES = [
    Picture(b"\x89PNG one", 512, 256, 7, "1 x cat; beach", ("fluffy",), FACTS),
    Picture(b"\x89PNG two", 512, 256, 8, "1 x cat; beach", ("fluffy",), FACTS),
]


class Scripted:
    """A run that gives those pictures."""

    def reserve(self) -> None:
        return None

    async def start(self) -> Served:
        return Served("embedded-illustrator", "sha256:art", "resvg", "0.5.0")

    async def events(self) -> AsyncIterator[Event]:
        for picture in PICTURES:
            yield picture
        yield Metered(Usage(images=2))

    ran = None

    async def close(self) -> None:
        return None


class Serving:
    """Engines that are there and not asked."""

    def serves(self, modality: Modality) -> bool:
        return modality is Modality.IMAGE


async def _check(prompt: str) -> None:
    if "lighthouse" in prompt:
        raise InvalidRequest("can't draw lighthouse", param="prompt")


async def _keep(data: bytes) -> str:
    return f"https://pictures.example/{data[-3:].decode()}.png"


def tool() -> Tool[ImageInput]:
    model = Model(
        id="embedded-illustrator",
        modality=Modality.IMAGE,
        engine_model="embedded-illustrator",
        card=price_card("0", "0", image_usd="0.001"),
        context_length=4096,
        license="MIT",
        aliases=("flux-schnell",),
        check=_check,
    )
    engines = cast("Engines", Serving())
    return Images(Catalog([model]), engines, HandClock(), _keep, cast("Looker", None)).tool()


async def quoted(**fields: Any) -> Quote:
    quote = tool().quote
    assert quote is not None
    answer = quote(ImageInput(**{"model": "flux-schnell", "prompt": "a cat", **fields}))
    assert not isinstance(answer, Quote)
    return await answer


async def run(response_format: str) -> tuple[dict[str, Any], str]:
    args = ImageInput.model_validate(
        {"model": "flux-schnell", "prompt": "x", "size": "512x256", "response_format": response_format}
    )
    keep = _keep if response_format == "url" else None
    execution = ImageExecution(cast("EngineRun", Scripted()), args, keep, 1_769_900_400)
    await execution.start()
    assert [event async for event in execution.events()] == []
    result = execution.result()
    assert result.usage == Usage(images=2)
    assert result.details == {"pictures": [FACTS, FACTS]}
    ImageOutput.model_validate(result.output)
    return dict(result.output), result.response_hash


async def test_a_quote_prices_pictures() -> None:
    quote = await quoted(n=4)
    assert (quote.model, quote.bound) == ("flux-schnell", Usage(images=4))
    assert quote.max_nano_usd == 4_000_000


async def test_what_can_t_be_drawn_is_refused_by_the_quote() -> None:
    with pytest.raises(InvalidRequest, match="lighthouse"):
        await quoted(prompt="a lighthouse")


def test_it_is_available_where_an_engine_serves_pictures() -> None:
    assert tool().available()


async def test_another_model_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        await quoted(model="no-such-model")


@pytest.mark.parametrize("size", ["auto", "256x256", "2048x2048", "1792x1024", "300x2000"])
async def test_sizes_that_are_taken(size: str) -> None:
    assert (await quoted(size=size)).max_nano_usd == 1_000_000


@pytest.mark.parametrize(
    "size", ["", "big", "63x256", "2049x256", "512", "512x", "-512x512", "0x0", "\uff11\uff12\uff18x128"]
)
async def test_sizes_that_are_not(size: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await quoted(size=size)
    assert refused.value.param == "size"


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ""},
        {"n": 0},
        {"n": 11},
        {"n": "2"},
        {"seed": -1},
        {"quality": "hd"},
        {"style": "vivid"},
        {"background": "transparent"},
        {"output_format": "webp"},
        {"response_format": "gif"},
        {"stream": True},
    ],
)
def test_fields_that_can_t_be_honoured(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImageInput.model_validate({"model": "m", "prompt": "p", **fields})


def test_fields_without_effect() -> None:
    fields = {"user": "u", "moderation": "low", "quality": "standard", "background": "opaque"}
    assert ImageInput.model_validate({"model": "m", "prompt": "p", **fields}).n == 1


async def test_pictures_as_base64() -> None:
    output, digest = await run("b64_json")
    assert output["created"] == 1_769_900_400
    assert [base64.b64decode(entry["b64_json"]) for entry in output["data"]] == [
        picture.data for picture in PICTURES
    ]
    assert output["data"][0]["revised_prompt"] == "1 x cat; beach"
    assert output["data"][0]["ignored"] == ["fluffy"]
    raw = b"".join(picture.data for picture in PICTURES)
    assert digest == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert response_hash("image", output) == digest


async def test_pictures_as_links() -> None:
    output, digest = await run("url")
    assert [entry["url"] for entry in output["data"]] == [
        "https://pictures.example/one.png",
        "https://pictures.example/two.png",
    ]
    assert "b64_json" not in output["data"][0]
    assert digest == (await run("b64_json"))[1]
    with pytest.raises(UnreadableBody):
        response_hash("image", output)


async def test_mcp_shows_pictures_and_links() -> None:
    content = tool().content
    assert content is not None
    first, _, text = content((await run("b64_json"))[0])
    assert (first["type"], first["mimeType"]) == ("image", "image/png")
    assert first["data"] not in text["text"]
    link, _, text = content((await run("url"))[0])
    assert (link["type"], link["uri"]) == ("resource_link", "https://pictures.example/one.png")
    assert "revised_prompt" in text["text"]
