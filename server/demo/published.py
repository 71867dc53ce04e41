"""What the server publishes for everybody: its keys, and the bundle of a call."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from server.demo.transcript import StepFailed
from settlement.evidence.trust import Trust, trust_from_document

_LOGGED_S: Final = 20.0
_PAUSE_S: Final = 0.1


async def keys(http: httpx2.AsyncClient) -> Trust:
    """The keys of records, receipts and log, to be kept apart from what they sign."""
    response = await http.get("/v1/vaas/pubkey/current")
    if response.status_code != 200:
        raise StepFailed(f"the server's keys: {response.status_code} {response.text[:200]}")
    return trust_from_document(response.json())


async def logged_bundle(http: httpx2.AsyncClient, record_id: str) -> Mapping[str, Any]:
    """The bundle of a call once it has its place in the log, which is written once a second."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _LOGGED_S
    while True:
        response = await http.get(f"/v1/vaas/{record_id}/bundle")
        if response.status_code != 200:
            raise StepFailed(f"the bundle of {record_id}: {response.status_code} {response.text[:200]}")
        bundle: Mapping[str, Any] = response.json()
        if bundle.get("inclusion") is not None:
            return bundle
        if clock() > deadline:
            raise StepFailed(f"{record_id} had no place in the log after {_LOGGED_S:g} s")
        await asyncio.sleep(_PAUSE_S)
