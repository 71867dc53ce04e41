"""The trace of a paid call shows how long the chain took, as a step of its own."""

from typing import Any

import pytest

from tests.contract.x402.shop import CHAT, EMBED, QUESTION, TEXT, Shop
from tests.contract.x402.test_http import official
from tests.contract.x402.test_sign_in import signed_in

CALLS = [(EMBED, TEXT, "capture"), (CHAT, QUESTION | {"stream": True}, "hold")]


@pytest.mark.parametrize(("path", "body", "under"), CALLS, ids=["after its run", "before its run"])
async def test_settling_is_a_step_with_times_of_its_own(
    shop: Shop, path: str, body: dict[str, Any], under: str
) -> None:
    async with official(shop) as client:
        answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        bearer = {"authorization": f"Bearer {await signed_in(shop)}"}
        told = await client.get(f"/v1/traces/{answer.headers['x-batchin-run-id']}", headers=bearer)
    spans = {span["name"]: span for span in told.json()["spans"]}
    settle, around = spans["settle"], spans[under]
    assert settle["parent_span_id"] == around["span_id"]
    assert {"hold", "capture"} <= spans.keys()
    assert int(around["start_ns"]) < int(settle["start_ns"]) < int(settle["end_ns"])
    assert int(settle["end_ns"]) < int(around["end_ns"])
    assert settle["duration_us"] < around["duration_us"]
