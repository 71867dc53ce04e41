"""USDC deposits over HTTP, on the development chain: an own address, a balance, and nobody else's."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from settlement.chain.funding import fund
from tests.live import LiveServer, running
from tests.operator import new_key


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running(tmp_path_factory.mktemp("till") / "data", BATCHIN_ENGINE="none") as server:
        yield server


@pytest.fixture
def http(till: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=till.url, timeout=60, trust_env=False) as client:
        yield client


def as_(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def chains(http: httpx.Client, key: str) -> list[dict[str, Any]]:
    return list(http.get("/v1/topup/usdc/chains", headers=as_(key)).raise_for_status().json()["chains"])


def history(http: httpx.Client, key: str) -> list[dict[str, Any]]:
    return list(http.get("/v1/topup/history", headers=as_(key)).raise_for_status().json())


def balance(http: httpx.Client, key: str) -> int:
    me = http.get("/v1/users/me", headers=as_(key)).raise_for_status().json()
    return int(me["credit_balance_cents"])


def test_usdc_sent_to_the_accounts_address_is_its_balance(till: LiveServer, http: httpx.Client) -> None:
    key, other = new_key(till.data_dir, 0), new_key(till.data_dir, 0)
    (chain,) = chains(http, key)
    assert chain["chain"] == "dev"
    assert chain["required_confirmations"] == 1
    assert chain["network"] == "eip155:31337"
    assert chains(http, key) == [chain]
    assert chains(http, other)[0]["deposit_address"] != chain["deposit_address"]
    sent = asyncio.run(fund(till.rpc_url, chain["deposit_address"], 2_509_999))
    deadline = time.monotonic() + 60
    while not (listed := history(http, key)) or listed[0]["status"] != "paid":
        assert time.monotonic() < deadline, listed
        time.sleep(0.05)
    (deposit,) = listed
    assert deposit["reference_id"] == sent
    assert deposit["amount_cents"] == 250
    assert deposit["credit_usd"] == "2.509999"
    assert deposit["currency"] == deposit["source"] == "usdc"
    assert balance(http, key) == 250
    assert history(http, other) == []
    assert balance(http, other) == 0


def test_who_has_no_account_has_no_address(till: LiveServer, http: httpx.Client) -> None:
    refused = http.get("/v1/topup/usdc/chains")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")


def test_without_a_chain_there_are_no_deposits(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("none") / "data"
    with running(folder, BATCHIN_ENGINE="none", BATCHIN_X402="false") as server:
        refused = httpx.get(f"{server.url}/v1/topup/usdc/chains", headers=as_(server.api_key))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "rail_not_configured")
