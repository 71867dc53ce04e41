"""Videos over HTTP: made, followed, fetched, refused, deleted; charged once or not at all."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from server.doctor.examine import server_at
from server.doctor.finding import State
from tests.contract.videos.conftest import ASKED, SECOND_NANO_USD, Studio, ended, until
from tests.fake_sglang.kind import Faults
from tests.fake_sglang.media import gray
from tests.fake_sglang.videos import mp4
from tests.operator import new_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURE = "data:image/png;base64," + base64.b64encode(gray(64, 64, 1)).decode()


async def made(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await http.post("/v1/videos", json=ASKED | more)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def of_runs(studio: Studio, run_id: str) -> list[Any]:
    query = "SELECT tool, model, served_model, video_ms, charged_nano_usd FROM usage WHERE run_id = ?"
    return studio.watched.rows(query, run_id)


def holds(studio: Studio, video_id: str) -> list[Any]:
    return studio.watched.rows("SELECT amount, captured FROM hold WHERE run_id = ?", video_id)


async def test_a_video_is_made_and_charged_once(studio: Studio, http: httpx.AsyncClient) -> None:
    shown = await made(http)
    assert (shown["object"], shown["status"], shown["progress"]) == ("video.generation", "queued", 0)
    assert (shown["duration_seconds"], shown["seconds"]) == (2, "2")
    assert (shown["aspect_ratio"], shown["size"]) == ("16:9", "1280x720")
    assert shown["output_url"] == f"{studio.server.url}/v1/files/file_{shown['id']}/content"
    assert (shown["quoted_usd"], shown["cost_usd"]) == ("0.02", "0.00")
    video = await ended(http, shown["id"])
    assert (video["status"], video["progress"], video["error"]) == ("completed", 100, None)
    assert video["completed_at"] >= video["created_at"]
    assert video["expires_at"] > video["completed_at"]
    assert (video["cost_usd"], video["cost_cents"]) == ("0.02", 2)
    assert of_runs(studio, video["run_id"]) == [("video", "wan", "wan", 2000, 2 * SECOND_NANO_USD)]
    assert holds(studio, shown["id"]) == []
    told = {"prompt": "waves", "size": "1280x720", "seconds": 2, "seed": 7}
    for path in (f"/v1/videos/{shown['id']}/content", f"/v1/files/file_{shown['id']}/content"):
        file = await http.get(path)
        assert (file.status_code, file.headers["content-type"]) == (200, "video/mp4")
        assert file.content == mp4(told)
    part = await http.get(f"/v1/videos/{shown['id']}/content", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(mp4(told))}"
    far = await http.get(f"/v1/videos/{shown['id']}/content", headers={"Range": "bytes=999999-"})
    assert far.status_code == 416


async def test_its_record_verifies(studio: Studio, http: httpx.AsyncClient) -> None:
    shown = await made(http, aspect_ratio="9:16")
    assert (shown["size"], shown["aspect_ratio"]) == ("720x1280", "9:16")
    video = await ended(http, shown["id"])
    bundle = (await http.get(f"/v1/audit/{video['run_id']}/bundle")).json()
    payload = bundle["evidence"]["payload"]
    assert (payload["tool"], payload["usage"]["video_ms"]) == ("video", 2000)
    assert payload["charged_nano_usd"] == 2 * SECOND_NANO_USD
    assert payload["public_route_label"] == "managed-video"
    verdict = (await http.post("/v1/audit/verify-bundle", json=bundle)).json()
    assert verdict["valid"], verdict
    assert "waves" not in str(bundle)


async def test_progress_is_told(studio: Studio, http: httpx.AsyncClient) -> None:
    studio.fake.faults = Faults(video_fault="stuck")
    shown = await made(http)
    seen = {}

    async def look() -> str:
        answer = (await http.get(f"/v1/videos/{shown['id']}")).json()
        seen[answer["status"]] = answer["progress"]
        return str(answer["status"])

    while await look() != "in_progress" or seen["in_progress"] != 40:
        pass
    early = await http.get(f"/v1/videos/{shown['id']}/content")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not_ready")
    studio.fake.faults = Faults()
    assert (await ended(http, shown["id"]))["status"] == "completed"


async def test_an_engine_that_fails_costs_nothing(studio: Studio, http: httpx.AsyncClient) -> None:
    before = studio.watched.money()
    for faults in (
        Faults(video_fault="fail"),
        Faults(video_fault="no_video"),
        Faults(wrong="garbage"),
        Faults(wrong="cut"),
    ):
        studio.fake.faults = faults
        video = await ended(http, (await made(http))["id"])
        assert (video["status"], video["error"]["code"]) == ("failed", "engine_error")
        assert "/srv" not in str(video)
        assert (video["cost_usd"], video["run_id"]) == ("0.00", None)
        late = await http.get(f"/v1/videos/{video['id']}/content")
        assert (late.status_code, late.json()["error"]["code"]) == (409, "not_ready")
    assert studio.watched.money() == before


async def test_a_video_that_is_deleted_is_stopped_and_costs_nothing(
    studio: Studio, http: httpx.AsyncClient
) -> None:
    before = studio.watched.money()
    studio.fake.faults = Faults(video_fault="stuck")
    shown = await made(http)
    await until(lambda: bool(studio.fake.videos))
    gone = await http.delete(f"/v1/videos/{shown['id']}")
    assert gone.json() == {"id": shown["id"], "object": "video.deleted", "deleted": True}
    for path in ("", "/content"):
        assert (await http.get(f"/v1/videos/{shown['id']}{path}")).status_code == 404
    assert (await http.delete(f"/v1/videos/{shown['id']}")).status_code == 404
    await until(lambda: not studio.fake.videos)
    await until(lambda: holds(studio, shown["id"]) == [])
    assert studio.watched.money() == before


async def test_a_finished_video_is_deleted_with_its_file(http: httpx.AsyncClient) -> None:
    video = await ended(http, (await made(http))["id"])
    assert (await http.delete(f"/v1/videos/{video['id']}")).status_code == 200
    for path in (f"/v1/videos/{video['id']}", f"/v1/files/file_{video['id']}/content"):
        assert (await http.get(path)).status_code == 404


async def test_videos_are_their_owners(http: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    shown = await ended(http, (await made(http))["id"])
    path = f"/v1/videos/{shown['id']}"
    answers = [
        await stranger.get(path),
        await stranger.get(path + "/content"),
        await stranger.delete(path),
        await stranger.get(f"/v1/files/file_{shown['id']}/content"),
        await http.get("/v1/videos/video_" + "0" * 32),
        await http.get("/v1/videos/nonsense"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert shown["id"] not in (await stranger.get("/v1/videos")).text
    assert (await stranger.get("/v1/videos", params={"after": "x"})).status_code == 404
    assert (await http.get(path)).status_code == 200
    async with httpx.AsyncClient(base_url=http.base_url, trust_env=False) as nobody:
        assert (await nobody.get(path)).status_code == 401


async def test_videos_are_no_batches_and_batches_no_videos(http: httpx.AsyncClient) -> None:
    shown = await ended(http, (await made(http))["id"])
    assert shown["id"] not in (await http.get("/v1/batches")).text
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/events")):
        answer = await http.request(method, f"/v1/batches/{shown['id']}{path}")
        assert answer.status_code == 404, path


async def test_a_video_that_begins_with_a_picture(studio: Studio, http: httpx.AsyncClient) -> None:
    video = await ended(http, (await made(http, input_reference=PICTURE))["id"])
    assert video["status"] == "completed"
    (seen,) = studio.fake.seen
    assert seen["input_reference"].encode("latin-1") == gray(64, 64, 1)


def data_url(body: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(body).decode()


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "no-such"}, 404, "model_not_found", "model"),
        ({"model": "painter"}, 400, "invalid_request", "model"),
        ({"duration_seconds": 0}, 400, "invalid_request", "duration_seconds"),
        ({"duration_seconds": 61}, 400, "invalid_request", "duration_seconds"),
        ({"duration_seconds": 2.5}, 400, "invalid_request", "duration_seconds"),
        ({"seconds": "4"}, 400, "invalid_request", None),
        ({"seconds": "4e9"}, 400, "invalid_request", "seconds"),
        ({"size": "1x1"}, 400, "invalid_request", "size"),
        ({"size": "4096x4096"}, 400, "invalid_request", "size"),
        ({"size": "1281x720"}, 400, "invalid_request", "size"),
        ({"size": "1280x720", "aspect_ratio": "16:9"}, 400, "invalid_request", None),
        ({"aspect_ratio": "2:1"}, 400, "invalid_request", "aspect_ratio"),
        ({"prompt": ""}, 400, "invalid_request", "prompt"),
        ({"prompt": "x" * 4001}, 400, "invalid_request", "prompt"),
        ({"output_path": "/etc"}, 400, "invalid_request", "output_path"),
        ({"model": "blind", "input_reference": PICTURE}, 400, "invalid_request", "input_reference"),
        ({"input_reference": data_url(b"GIF89a")}, 400, "invalid_request", "input_reference"),
        (
            {"input_reference": data_url(gray(5000, 4, 1)[:33])},
            400,
            "invalid_request",
            "input_reference",
        ),
    ],
)
async def test_what_is_wrong_is_refused_before_it_is_held(
    studio: Studio,
    http: httpx.AsyncClient,
    change: dict[str, Any],
    status: int,
    code: str,
    param: str | None,
) -> None:
    async with studio.client() as nobody:
        for door in (http, nobody):
            answer = await door.post("/v1/videos", json=ASKED | change)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (status, code), answer.text
            if param is not None:
                assert error["param"] == param
            assert "payment-required" not in answer.headers
    assert studio.fake.seen == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "http://169.254.169.254/", "file:///etc/passwd"])
async def test_urls_are_fetched_by_our_rules_and_for_nobody_who_does_not_pay(
    studio: Studio, http: httpx.AsyncClient, url: str
) -> None:
    refused = await http.post("/v1/videos", json=ASKED | {"input_reference": url})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input_reference")
    async with studio.client() as nobody:
        answer = await nobody.post("/v1/videos", json=ASKED | {"input_reference": url})
    assert answer.status_code == 402
    assert studio.fake.seen == []


async def test_too_much_is_refused(http: httpx.AsyncClient) -> None:
    large = await http.post("/v1/videos", json=ASKED | {"input_reference": "x" * 3_000_000})
    assert large.status_code == 413
    files = {"input_reference": ("a.png", bytes(27_000_000), "image/png")}
    form = await http.post("/v1/videos", data={"model": "wan", "prompt": "x"}, files=files)
    assert form.status_code == 413
    other = {"mask": ("a.png", b"x", "image/png")}
    wrong = await http.post("/v1/videos", data={"model": "wan", "prompt": "x"}, files=other)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "mask")


async def test_the_same_key_makes_one_video(studio: Studio, http: httpx.AsyncClient) -> None:
    named = {"Idempotency-Key": "one video"}
    first = await http.post("/v1/videos", json=ASKED, headers=named)
    again = await http.post("/v1/videos", json=ASKED, headers=named)
    assert first.json()["id"] == again.json()["id"]
    await ended(http, first.json()["id"])
    other = await http.post("/v1/videos", json=ASKED | {"seed": 8}, headers=named)
    assert other.status_code == 422
    assert len(studio.fake.seen) == 1


async def test_without_balance_nothing_is_made(studio: Studio) -> None:
    key = await asyncio.to_thread(new_key, studio.server.data_dir, 0)
    async with studio.client(key) as poor:
        answer = await poor.post("/v1/videos", json=ASKED)
        assert (answer.status_code, answer.json()["error"]["code"]) == (402, "payment_required")
        assert (await poor.get("/v1/videos")).json()["data"] == []
    assert studio.fake.seen == []


async def test_the_doctor_finds_what_is_sold(studio: Studio) -> None:
    told = {finding.what: finding for finding in await server_at(studio.server.url)}
    for path in ("/v1/videos", "/v1/images/edits", "/v1/images/generations"):
        finding = told[f"POST {path} without key asks for money in a valid way"]
        assert finding.state is State.OK, finding
