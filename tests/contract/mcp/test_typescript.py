"""The TypeScript SDKs as clients: version 1, the most used one, and version 2, of the current revision.

Both check every result, errors too, against the tool's output schema, and throw when it does not fit.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from settlement.chain.funding import fund
from tests.contract.mcp.conftest import Live, eventually
from tests.contract.mcp.pack import CHALLENGE, KEY, SETTLEMENT
from tests.contract.mcp.test_payments import PAYMENT
from tests.live import LiveServer
from tests.node import installed, node, run

SOURCES = Path(__file__).parent / "typescript"
DEPENDENCIES = json.loads((SOURCES / "package.json").read_text())["dependencies"]
PACKAGES = [f"{name}@{version}" for name, version in DEPENDENCIES.items()]
CANCELLED = {"v1": -32001, "v2": "REQUEST_TIMEOUT"}

pytestmark = pytest.mark.peers


@pytest.fixture(params=["v1", "v2"])
def sdk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def saw(program: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """What one of the programs printed."""
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    modules = await installed(*PACKAGES) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    printed: dict[str, Any] = json.loads(await run(await node(), program, *arguments, cwd=folder))
    return printed


async def test_a_typescript_client_lists_is_challenged_pays_follows_and_cancels(
    live: Live, sdk: str, tmp_path: Path
) -> None:
    arguments = (sdk, live.url, KEY, json.dumps(PAYMENT))
    told = await saw("client.mjs", tmp_path / "client", *arguments)
    assert told["tools"] == ["echo", "talk", "models"]
    assert told["challenge"]["isError"] is True
    assert told["challenge"]["structuredContent"] == CHALLENGE
    assert told["paid"]["structuredContent"] == {"text": "a"}
    assert told["paid"]["_meta"]["x402/payment-response"] == SETTLEMENT
    assert told["invalid"]["structuredContent"]["error"]["param"] == "text"
    assert told["unknown"]["code"] == -32602
    assert 401 in told["forbidden"].values()
    assert told["answer"]["structuredContent"] == {"text": "a b c"}
    assert told["text"] == "a b c"
    assert told["cancelled"]["code"] == CANCELLED[sdk]
    await eventually(live.stage.aborted.is_set)


async def test_a_typescript_wallet_pays_a_real_server_and_spends_the_rest(
    live_server: LiveServer, sdk: str, tmp_path: Path
) -> None:
    wallet = Account.create()
    await fund(live_server.rpc_url, wallet.address, 1_000_000)
    secret = "0x" + bytes(wallet.key).hex()
    told = await saw("wallet.mjs", tmp_path / "wallet", sdk, f"{live_server.url}/v1/mcp", secret)
    assert {"chat", "embed", "verify"} <= set(told["tools"])
    assert {offer["scheme"] for offer in told["challenge"]["accepts"]} == {"exact", "upto"}
    paid = told["paid"]["_meta"]
    assert paid["x402/payment-response"]["success"] is True
    assert paid["batchin/receipt"]["record_id"] == paid["batchin/evidence"]["record_id"]
    assert told["paid"]["structuredContent"]["choices"][0]["message"]["content"]
    spent = told["spent"]
    assert told["text"] == spent["structuredContent"]["choices"][0]["message"]["content"]
    assert spent["_meta"]["batchin/charge"]["charged_nano_usd"] > 0
    assert "x402/payment-response" not in spent["_meta"]
    assert told["invalid"]["structuredContent"]["error"]["param"] == "messages"
