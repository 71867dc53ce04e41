"""Block 0: the funder's ether; USDC, Permit2, the x402 proxies and ERC-8004's contracts."""

import secrets
from typing import Any, Final

from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth_typing import Address

from settlement.chain.devnet import FUNDER, USDC, artifact
from settlement.chain.erc8004.addresses import TESTNET, keeper_address
from settlement.chain.permit2 import EXACT_PROXY, PERMIT2, UPTO_PROXY

_FUNDER_WEI: Final = 10**27


def genesis_header(now_s: int, gas_limit: int) -> dict[str, Any]:
    """32 random bytes of extra data make every chain's genesis hash its own."""
    return {
        "difficulty": POST_MERGE_DIFFICULTY,
        "nonce": POST_MERGE_NONCE,
        "mix_hash": POST_MERGE_MIX_HASH,
        "gas_limit": gas_limit,
        "timestamp": now_s,
        "extra_data": secrets.token_bytes(32),
    }


def genesis_state() -> dict[Address, Any]:
    contracts = {
        USDC: "DevUSDC",
        PERMIT2: "DevPermit2",
        EXACT_PROXY: "DevExactProxy",
        UPTO_PROXY: "DevUptoProxy",
        TESTNET.identity: "DevIdentityRegistry",
        TESTNET.reputation: "DevReputationRegistry",
        TESTNET.validation: "DevValidationRegistry",
        keeper_address(): "AnchorKeeper",
    }
    return {
        _address(FUNDER): {"balance": _FUNDER_WEI, "nonce": 0, "code": b"", "storage": {}},
        **{_address(address): _contract(name) for address, name in contracts.items()},
    }


def _contract(name: str) -> dict[str, Any]:
    code = bytes.fromhex(artifact(name)["runtime"][2:])
    return {"balance": 0, "nonce": 1, "code": code, "storage": {}}


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))
