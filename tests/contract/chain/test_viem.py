"""viem, the usual TypeScript client, on the development chain."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import settlement.chain
from settlement.chain import devnet
from tests.chains import running_chain

SOURCES = Path(__file__).parent / "viem"
ARTIFACT = Path(settlement.chain.__file__).parent / "artifacts" / "DevUSDC.json"


@pytest.mark.peers
def test_a_viem_wallet_is_funded_pays_and_reads_back(tmp_path: Path) -> None:
    folder = tmp_path / "viem"
    shutil.copytree(SOURCES, folder)
    subprocess.run(
        ("npm", "install", "--no-audit", "--no-fund"), cwd=folder, check=True, capture_output=True
    )
    with running_chain(tmp_path / "chain") as chain:
        arguments = (chain.rpc_url, devnet.USDC, str(ARTIFACT), devnet.FUNDER_KEY)
        ran = subprocess.run(
            ("node", "client.mjs", *arguments), cwd=folder, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr
    saw = json.loads(ran.stdout)
    assert saw["status"] == "success"
    assert saw["events"] == ["AuthorizationUsed", "Transfer"]
    assert saw["sender"].lower() == saw["funder"].lower()
    assert saw["balances"] == [600, 400, 100]
    assert saw["transfers"] == [100, 300]
    assert saw["refusal"] == "FiatTokenV2: authorization is used or canceled"
