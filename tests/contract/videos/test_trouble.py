"""Videos through crashes: of our server, and of the engine that makes them."""

import asyncio
from pathlib import Path

import pytest

from tests.contract.videos.conftest import (
    ASKED,
    MODEL,
    SECOND_NANO_USD,
    Studio,
    ended,
    settings_of,
    until,
)
from tests.contract.videos.test_mcp import begun, over
from tests.fake_sglang.kind import Faults, Kind
from tests.fake_sglang.server import serving
from tests.live import start, stop

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_video_outlives_a_kill_and_the_death_of_its_engine(tmp_path: Path) -> None:
    """Killed while it is being made, it is begun anew at the next start; then its engine dies in the
    midst, comes back without its memory, and the video is made all the same: charged once. So is the
    one that an MCP client's task follows."""
    kind = Kind(model=MODEL, program="diffusion")
    async with serving(kind, Faults(video_fault="stuck")) as fake:
        settings = settings_of(fake)
        server = await asyncio.to_thread(start, tmp_path / "data", **settings)
        async with Studio(fake, server).client(server.api_key) as client:
            answer = await client.post("/v1/videos", json=ASKED)
            video_id = answer.json()["id"]
            task_id = await begun(client)
            await until(lambda: sum(video.looks > 2 for video in fake.videos.values()) == 2)
        server.kill()
        server = await asyncio.to_thread(start, tmp_path / "data", **settings)
        port = fake.listener.port
        await until(lambda: len(fake.videos) == 4)
        fake.listener.die()
    studio = Studio(fake, server)
    try:
        async with serving(kind, port=port) as reborn, studio.client(server.api_key) as client:
            video = await ended(client, video_id)
            assert (video["status"], video["cost_usd"]) == ("completed", "0.02")
            task = await over(client, task_id)
            assert (task["status"], task["result"]["isError"]) == ("completed", False)
            assert task["result"]["structuredContent"]["status"] == "completed"
            assert [seen["seed"] for seen in reborn.seen] == [7, 7]
            charged = studio.watched.rows(
                "SELECT charged_nano_usd FROM usage WHERE tool = 'video' AND charged_nano_usd > 0"
            )
            assert charged == [(2 * SECOND_NANO_USD,)] * 2
            assert studio.watched.rows("SELECT run_id FROM hold WHERE run_id = ?", video_id) == []
            assert (await client.get(f"/v1/videos/{video_id}/content")).content[4:8] == b"ftyp"
    finally:
        await asyncio.to_thread(stop, server)
