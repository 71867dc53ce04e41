"""The official TypeScript clients pay: @x402/fetch, @x402/axios and the MCP SDK, with @x402/evm."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from base.money import ceil_div
from settlement.chain.funding import fund
from tests.chains import new_payer
from tests.contract.x402.shop import Shop
from tests.node import installed, node, run

SOURCES = Path(__file__).parent / "typescript"
GOLDEN = Path(__file__).parents[2] / "vectors" / "bundle.json"
DEPENDENCIES = json.loads((SOURCES / "package.json").read_text())["dependencies"]
PACKAGES = [f"{name}@{version}" for name, version in DEPENDENCIES.items()]

SCHEMES = ("exact", "exact-permit2", "upto")

pytestmark = pytest.mark.peers


WAYS = [
    *(
        (("pay.mjs", transport), scheme)
        for transport in ("fetch", "axios")
        for scheme in (*SCHEMES, "v1")
    ),
    *((("mcp.mjs",), scheme) for scheme in SCHEMES),
]


@pytest.mark.parametrize(("program", "scheme"), WAYS)
async def test_a_typescript_wallet_pays(
    shop: Shop, tmp_path: Path, program: tuple[str, ...], scheme: str
) -> None:
    payer, rpc_url = new_payer(), shop.watched.server.rpc_url
    await fund(rpc_url, payer.address, 100_000)
    secret = "0x" + bytes(payer.account.key).hex()
    told = await _saw(tmp_path, *program, scheme, shop.url, rpc_url, secret)
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


async def test_the_official_extension_verifies_offers_and_receipts(shop: Shop, tmp_path: Path) -> None:
    payer, rpc_url = new_payer(), shop.watched.server.rpc_url
    await fund(rpc_url, payer.address, 100_000)
    secret = "0x" + bytes(payer.account.key).hex()
    told = await _saw(tmp_path, "statements.mjs", shop.url, rpc_url, secret)
    assert len(told["offers"]) == told["accepts"] > 0
    assert all(offer["resourceUrl"] == f"{shop.url}/v1/vaas" for offer in told["offers"])
    assert (told["found"], told["matches"], told["refused"]) == (True, True, True)
    assert told["challenge_bytes"] < 12_000  # Node takes 16 KiB of headers in all
    record, receipt = told["record"], told["receipt"]
    assert receipt["payer"].lower() == payer.address.lower()
    assert receipt["evidence"]["url"] == f"{shop.url}/v1/audit/{record}/bundle"
    assert told["kid"].startswith("did:web:127.0.0.1%3A")


async def test_the_official_extension_has_the_same_canonical_form(tmp_path: Path) -> None:
    told = await _saw(tmp_path, "canonical.mjs", str(GOLDEN))
    golden = json.loads(GOLDEN.read_text())
    payloads = [
        payload
        for bundle in (golden["bundle"], golden["salted"])
        for payload in (bundle["evidence"]["payload"], bundle["receipt"]["receipt_payload"])
    ]
    assert [each["text"] for each in told] == [rfc8785.dumps(payload).decode() for payload in payloads]
    assert all(each["same"] for each in told)


async def _saw(folder: Path, *arguments: str) -> Any:
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    modules = await installed(*PACKAGES) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    return json.loads(await run(await node(), *arguments, cwd=folder))
