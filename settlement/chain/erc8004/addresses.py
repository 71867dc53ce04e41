"""Where the registries of ERC-8004 stand (erc-8004/erc-8004-contracts, scripts/addresses.ts, 2026-08).

The same addresses on every main network, and others on every test network; the development chain has
those of the test networks in its genesis block. The Validation Registry is not on most of them: ask for
its code before it is used.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from settlement.chain.devnet import artifact

_MAINNETS: Final = frozenset(
    (
        1, 10, 56, 100, 137, 143, 196, 295, 360, 1088, 1868, 2345, 2741, 4326, 5000, 8453, 42161, 42220,
        43114, 59144, 167000, 534352, 1187947933,
    )
)  # fmt: skip
_TESTNETS: Final = frozenset(
    (
        97, 296, 1946, 1952, 5003, 6343, 10143, 10200, 11011, 11124, 31337, 43113, 48816, 59141, 59902,
        80002, 84532, 167013, 421614, 534351, 5042002, 11142220, 11155111, 11155420, 324705682,
    )
)  # fmt: skip
_DEPLOYER: Final = "4e59b44847b379578588920ca78fbf26c0b4956c"
_SALT: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Registries:
    """The contracts of one chain; addresses are EIP-55."""

    identity: str
    reputation: str
    validation: str


MAINNET: Final = Registries(
    identity="0x8004A169FB4a3325136EB29fA0ceB6D2e539a432",
    reputation="0x8004BAa17C55a88189AE136b182e5fdA19dE9b63",
    validation="0x8004Cc8439f36fd5F9F049D9fF86523Df6dAAB58",
)
TESTNET: Final = Registries(
    identity="0x8004A818BFB912233c491871b3d84c89A494BD9e",
    reputation="0x8004B663056A597Dffe9eCcC1965A193B7388713",
    validation="0x8004Cb1BF31DAf7788923b405b754f57acEB4272",
)


def registries_of(chain_id: int) -> Registries | None:
    """The known contracts of a chain; None where none are known."""
    if chain_id in _MAINNETS:
        return MAINNET
    return TESTNET if chain_id in _TESTNETS else None


@cache
def keeper_address() -> str:
    """Where the AnchorKeeper of ``contracts/`` stands on every chain: CREATE2 (EIP-1014) by the
    deterministic deployment proxy, with salt 0."""
    from eth_utils.address import to_checksum_address
    from eth_utils.crypto import keccak

    made = b"\xff" + bytes.fromhex(_DEPLOYER) + _SALT + keccak(_creation())
    return str(to_checksum_address(keccak(made)[12:]))


def keeper_deployment() -> tuple[str, bytes]:
    """The address to call, and the data, that put the AnchorKeeper onto a chain."""
    from eth_utils.address import to_checksum_address

    return str(to_checksum_address("0x" + _DEPLOYER)), _SALT + _creation()


def _creation() -> bytes:
    return bytes.fromhex(artifact("AnchorKeeper")["creation"][2:])
