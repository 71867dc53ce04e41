"""The official SDK's videos, method by method."""

import asyncio
import inspect
import warnings

import openai
import pytest
from openai import OpenAI

from tests.contract.videos.conftest import Studio
from tests.fake_sglang.media import gray
from tests.fake_sglang.videos import mp4
from tests.live import LiveServer

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning"),
]


async def test_every_method(studio: Studio) -> None:
    async with studio.openai() as client:
        video = await client.videos.create_and_poll(
            model="wan", prompt="a kite", seconds="4", size="1280x720", poll_interval_ms=50
        )
        assert (video.status, video.progress, video.error) == ("completed", 100, None)
        assert (video.seconds, video.size, video.model) == ("4", "1280x720", "wan")
        content = await client.videos.download_content(video.id)
        (seen,) = studio.fake.seen
        assert content.content == mp4(seen)
        assert (seen["seconds"], seen["size"]) == (4, "1280x720")
        found = await client.videos.retrieve(video.id)
        assert (found.id, found.status) == (video.id, "completed")
        page = await client.videos.list(limit=1)
        assert [one.id for one in page.data] == [video.id]
        gone = await client.videos.delete(video.id)
        assert (gone.id, gone.deleted, gone.object) == (video.id, True, "video.deleted")
        with pytest.raises(openai.NotFoundError):
            await client.videos.retrieve(video.id)


async def test_no_method_is_left_out() -> None:
    methods = inspect.getmembers(type(OpenAI(api_key="none").videos), inspect.isfunction)
    served = {"create", "create_and_poll", "poll", "retrieve", "list", "download_content", "delete"}
    elsewhere = {"create_character", "edit", "extend", "get_character", "remix"}  # no engine has them
    assert {name for name, _ in methods if not name.startswith("_")} == served | elsewhere


async def test_who_waits_is_answered_too(studio: Studio) -> None:
    await asyncio.to_thread(_blocking, studio.server)


def _blocking(server: LiveServer) -> None:
    with OpenAI(base_url=server.url + "/v1", api_key=server.api_key, max_retries=0) as client:
        made = client.videos.create(model="wan", prompt="a kite", seconds="4", size="1280x720")
        assert client.videos.poll(made.id, poll_interval_ms=50).status == "completed"
        again = client.videos.create_and_poll(model="wan", prompt="a kite", poll_interval_ms=50)
        assert client.videos.retrieve(again.id).status == "completed"
        assert client.videos.list(limit=1).data[0].id == again.id
        assert client.videos.download_content(made.id).content
        assert client.videos.delete(made.id).deleted is True


async def test_a_picture_to_begin_with(studio: Studio) -> None:
    picture = gray(64, 64, 9)
    async with studio.openai() as client:
        video = await client.videos.create(
            model="wan-2.2", prompt="it moves", input_reference=("a.png", picture, "image/png")
        )
        assert video.model == "wan-2.2"
        await client.videos.poll(video.id, poll_interval_ms=50)
    (seen,) = studio.fake.seen
    assert seen["input_reference"].encode("latin-1") == picture
    assert seen["model"] == "wan"


async def test_pages(studio: Studio) -> None:
    async with studio.openai() as client:
        before = {video.id async for video in client.videos.list(limit=100)}
        new = [await client.videos.create(model="wan", prompt=f"number {number}") for number in range(3)]
        every = [video.id async for video in client.videos.list(limit=2, order="asc")]
        assert [found for found in every if found not in before] == [video.id for video in new]
        newest = [video.id async for video in client.videos.list(limit=2)]
        assert newest == every[::-1]
        await asyncio.gather(*(client.videos.poll(v.id, poll_interval_ms=50) for v in new))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
