"""What /openapi.json says of videos and of changed pictures is what they answer."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.contract.test_openapi_live import Described
from tests.contract.videos.conftest import ASKED, Studio, ended
from tests.fake_sglang.kind import Faults
from tests.fake_sglang.media import gray

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_answer_is_as_described(studio: Studio) -> None:
    key = studio.server.api_key
    with httpx2.Client(base_url=studio.server.url, timeout=60, trust_env=False) as http:
        document = (await asyncio.to_thread(http.get, "/openapi.json")).json()
        described = Described(http, key, document)

        async def asked(method: str, path: str, video_id: str = "", **more: Any) -> Any:
            headers = {"authorization": f"Bearer {key}"} | more.pop("headers", {})
            url = path.replace("{id}", video_id)
            answer = await asyncio.to_thread(http.request, method, url, headers=headers, **more)
            return described.check(path, method.lower(), answer)

        studio.fake.faults = Faults(video_fault="fail")
        failed = (await asked("POST", "/v1/videos", json=ASKED))["id"]
        async with studio.client(key) as client:
            await ended(client, failed)
            studio.fake.faults = Faults()
            made = (await asked("POST", "/v1/videos", json=ASKED))["id"]
            await ended(client, made)
        assert (await asked("GET", "/v1/videos/{id}", failed))["error"]["code"] == "engine_error"
        assert (await asked("GET", "/v1/videos/{id}", made))["run_id"]
        assert (await asked("GET", "/v1/videos"))["data"][0]["id"] == made
        await asked("GET", "/v1/videos/{id}/content", made)
        await asked("GET", "/v1/videos/{id}/content", made, headers={"range": "bytes=0-3"})
        await asked("GET", "/v1/videos/{id}/content", made, headers={"range": "bytes=99999-"})
        refused = await asked("GET", "/v1/videos/{id}/content", failed)
        assert refused["error"]["code"] == "not_ready"
        await asked("DELETE", "/v1/videos/{id}", made)
        assert (await asked("GET", "/v1/videos/{id}", made))["error"]["code"] == "not_found"
        await asked("POST", "/v1/videos", json={"model": "wan"})
        form: dict[str, Any] = {
            "data": {"model": "painter", "prompt": "a hat"},
            "files": {"image": gray(8, 8, 1)},
        }
        edited = await asked("POST", "/v1/images/edits", **form)
        assert edited["data"][0]["url"]
