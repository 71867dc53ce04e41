"""What each transaction of an agent's life takes on a chain: the gas of every call that was mined."""

from typing import Any

from settlement.chain.client import ChainClient
from settlement.chain.erc8004 import identity, keeper, reputation, validation
from settlement.chain.keccak import keccak256

_PAID = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
_NAMES = {
    keccak256(signature.encode())[:4]: signature.partition("(")[0]
    for signature in (
        _PAID,
        *(
            function.signature
            for functions in (identity, keeper, reputation, validation)
            for function in functions.FUNCTIONS
        ),
    )
}


async def gas_of_calls(client: ChainClient) -> list[tuple[str, int]]:
    """(function, gas) of the known calls on a chain, in their order."""
    found = []
    for number in range(await client.height() + 1):
        block: Any = await client.request("eth_getBlockByNumber", hex(number), True)
        for sent in block["transactions"]:
            name = _NAMES.get(bytes.fromhex(sent["input"][2:10]))
            receipt = await client.receipt(sent["hash"])
            if name is not None and receipt is not None and receipt.succeeded:
                found.append((name, receipt.gas_used))
    return found


async def told_gas(client: ChainClient, chain: str) -> set[str]:
    """Print them; returns which functions were called."""
    found = await gas_of_calls(client)
    for name, gas in found:
        print(f"{chain}: {name} took {gas:,} gas")
    return {name for name, _ in found}
