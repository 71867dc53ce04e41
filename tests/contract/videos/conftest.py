"""A server whose videos are made by a fake of SGLang's diffusion server, and its callers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.server import FakeSglang, serving
from tests.live import LiveServer, start, stop
from tests.operator import new_key
from tests.watched import Watched

MODEL = "wan"
SECOND_NANO_USD = 10_000_000
ASKED: dict[str, Any] = {"model": MODEL, "prompt": "waves", "duration_seconds": 2, "seed": 7}
_MODELS: list[dict[str, Any]] = [
    {
        "id": MODEL,
        "modality": "video",
        "second_usd": "0.01",
        "vision": True,
        "aliases": ["wan-2.2"],
    },
    {"id": "blind", "modality": "video", "second_usd": "0.01"},
    {"id": "painter", "modality": "image", "image_usd": "0.01", "vision": True},
    {"id": "sketcher", "modality": "image", "image_usd": "0.01"},
]


@dataclass
class Studio:
    """The server and the engine behind it."""

    fake: FakeSglang
    server: LiveServer
    kind: Kind = field(default_factory=Kind)

    def client(self, key: str | None = None, **headers: str) -> httpx.AsyncClient:
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            base_url=self.server.url, headers=bearer | headers, timeout=60, trust_env=False
        )

    def openai(self, key: str | None = None) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=self.server.url + "/v1", api_key=key or self.server.api_key, max_retries=0
        )

    @property
    def watched(self) -> Watched:
        return Watched(self.server)


def settings_of(fake: FakeSglang) -> dict[str, str]:
    names = [model["id"] for model in _MODELS]
    engine = {"kind": "sglang-diffusion", "url": fake.url, "models": names}
    return {
        "BATCHIN_ENGINES": json.dumps([engine]),
        "BATCHIN_MODELS": json.dumps(_MODELS),
        "BATCHIN_DEMO_BALANCE_USD": "50",
    }


async def ended(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    """The video once it is completed or failed."""
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(f"/v1/videos/{video_id}")
            assert answer.status_code == 200, answer.text
            shown: dict[str, Any] = answer.json()
            if shown["status"] in ("completed", "failed"):
                return shown
            await asyncio.sleep(0.02)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    async with serving(Kind(model=MODEL, program="diffusion")) as fake:
        folder: Path = tmp_path_factory.mktemp("videos") / "data"
        server = await asyncio.to_thread(start, folder, **settings_of(fake))
        try:
            yield Studio(fake, server)
            books = await Watched(server).audit()
            assert (books.total_nano_usd, books.faults) == (0, ())
        finally:
            await asyncio.to_thread(stop, server)


@pytest_asyncio.fixture(loop_scope="session")
async def studio(shared: Studio) -> AsyncIterator[Studio]:
    """The engine is well when a test begins, and the server knows it."""
    shared.fake.faults = Faults()
    async with asyncio.timeout(60), shared.client() as client:
        while (await client.get("/health")).json() != {"status": "ok"}:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    shared.fake.seen.clear()
    yield shared
    shared.fake.faults = Faults()


@pytest_asyncio.fixture(loop_scope="session")
async def http(studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    async with studio.client(studio.server.api_key) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    key = await asyncio.to_thread(new_key, studio.server.data_dir)
    async with studio.client(key) as client:
        yield client
