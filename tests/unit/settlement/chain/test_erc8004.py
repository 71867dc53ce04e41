"""Our calls and events are those of the deployed contracts, and the development chain's too."""

import json
from pathlib import Path
from typing import Any

import pytest

from settlement.chain import devnet
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.erc8004 import identity, keeper, reputation, validation
from settlement.chain.erc8004.addresses import (
    MAINNET,
    TESTNET,
    keeper_address,
    keeper_deployment,
    registries_of,
)

ABIS = Path(__file__).parents[4] / "contracts" / "erc8004"
NAMES = ("IdentityRegistry", "ReputationRegistry", "ValidationRegistry")
MODULES = (identity, reputation, validation)


def _spelled(item: dict[str, Any]) -> str:
    if item["type"].startswith("tuple"):
        inner = ",".join(_spelled(part) for part in item["components"])
        return f"({inner}){item['type'][5:]}"
    return str(item["type"])


def _signatures(abi: list[dict[str, Any]], kind: str) -> dict[str, tuple[list[str], list[bool]]]:
    return {
        f"{item['name']}({','.join(_spelled(part) for part in item['inputs'])})": (
            [_spelled(part) for part in item.get("outputs", [])],
            [bool(part.get("indexed")) for part in item["inputs"]],
        )
        for item in abi
        if item["type"] == kind
    }


@pytest.mark.parametrize(("name", "module"), list(zip(NAMES, MODULES, strict=True)))
def test_calls_and_events_are_those_of_the_deployed_contracts(name: str, module: Any) -> None:
    abi = json.loads((ABIS / f"{name}.json").read_text())
    functions, events = _signatures(abi, "function"), _signatures(abi, "event")
    for function in module.FUNCTIONS:
        assert function.signature in functions
        if function.outputs:
            assert list(function.outputs) == functions[function.signature][0]
    for event in module.EVENTS:
        _, indexed = events[f"{event.name}({','.join(event.types)})"]
        assert event.data == tuple(
            kind for kind, topic in zip(event.types, indexed, strict=True) if not topic
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_development_chains_contracts_speak_as_the_deployed_ones(name: str) -> None:
    deployed = json.loads((ABIS / f"{name}.json").read_text())
    ours = devnet.artifact(f"Dev{name}")["abi"]
    for kind in ("function", "event"):
        real = _signatures(deployed, kind)
        for signature, shape in _signatures(ours, kind).items():
            assert real[signature] == shape, signature


def test_the_keeper_is_the_one_of_the_sources() -> None:
    known = _signatures(devnet.artifact("AnchorKeeper")["abi"], "function")
    for function in keeper.FUNCTIONS:
        assert function.signature in known


def test_chains_have_their_registries() -> None:
    assert registries_of(8453) == MAINNET
    assert registries_of(84532) == registries_of(31337) == TESTNET
    assert registries_of(4242) is None


async def test_the_development_chain_has_them_from_its_first_block(dev_chain: DevChain) -> None:
    async with ChainClient(lambda: dev_chain.rpc_url) as client:
        for address in (*(getattr(TESTNET, name) for name in TESTNET.__slots__), keeper_address()):
            assert await client.code(address), address
        to, data = keeper_deployment()
        assert to == "0x4e59b44847b379578588920cA78FbF26c0B4956C"
        assert data.endswith(bytes.fromhex(devnet.artifact("AnchorKeeper")["runtime"][2:]))
