"""The official TypeScript clients pay over HTTP: @x402/fetch and @x402/axios with @x402/evm."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from base.money import ceil_div
from settlement.chain.funding import fund
from tests.chains import new_payer
from tests.contract.x402.shop import Shop
from tests.node import installed, node, run

SOURCES = Path(__file__).parent / "typescript"
DEPENDENCIES = json.loads((SOURCES / "package.json").read_text())["dependencies"]
PACKAGES = [f"{name}@{version}" for name, version in DEPENDENCIES.items()]

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("scheme", ["exact", "exact-permit2", "upto", "v1"])
@pytest.mark.parametrize("transport", ["fetch", "axios"])
async def test_a_typescript_wallet_pays(shop: Shop, tmp_path: Path, transport: str, scheme: str) -> None:
    payer, rpc_url = new_payer(), shop.watched.server.rpc_url
    await fund(rpc_url, payer.address, 100_000)
    secret = "0x" + bytes(payer.account.key).hex()
    told = await _saw(tmp_path, transport, scheme, shop.url, rpc_url, secret)
    assert told["status"] == 200, told
    assert told["said"]["choices"][0]["message"]["content"]
    assert told["response"]["success"] is True
    (row,) = shop.watched.payments(payer.address)
    moved = 100_000 - await shop.as_another(payer, shop.wallet).wallet_atomic()
    assert (row.run_id, row.state) == (told["run"], "settled")
    assert told["response"]["amount"] == str(moved)
    if scheme == "upto":
        assert moved == max(1, ceil_div(row.charged_nano_usd, 1000))
    else:
        assert moved == row.amount_atomic


async def _saw(folder: Path, *arguments: str) -> dict[str, Any]:
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    modules = await installed(*PACKAGES) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    printed: dict[str, Any] = json.loads(await run(await node(), "pay.mjs", *arguments, cwd=folder))
    return printed
