"""What everybody knows of the development chain: its id, its USDC and the key that hands out money.

The funder's private key is the first one of the well-known Hardhat and Anvil test mnemonic. It is public
on purpose: whoever can reach a development chain may fund wallets on it, and nothing there is worth
anything. No other key stands in the code.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

CHAIN_ID: Final = 31337
NETWORK: Final = f"eip155:{CHAIN_ID}"
USDC: Final = "0xdEC0de0000000000000000000000000000005Dc0"
USDC_NAME: Final = "USDC"
USDC_VERSION: Final = "2"
USDC_DECIMALS: Final = 6
FUNDER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FUNDER_KEY: Final = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@cache
def artifact(contract: str) -> dict[str, Any]:
    """A compiled contract of ``contracts/``: ``abi``, ``creation`` and ``runtime`` code as hex."""
    text = files("settlement.chain").joinpath("artifacts", f"{contract}.json").read_text("utf-8")
    return dict(json.loads(text))
