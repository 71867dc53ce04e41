"""The AnchorKeeper of ``contracts/``: lets a hot key anchor for an agent and do nothing else."""

from typing import Final

from settlement.chain.abi import Function

METADATA_KEY: Final = "batchin.checkpoint"
"""The key of an agent's metadata that holds the keccak-256 of the latest anchored checkpoint."""

APPOINT: Final = Function("appoint", ("address", "uint256", "address"))
WRITER_OF: Final = Function("writerOf", ("address", "uint256"), ("address",))
ANCHOR: Final = Function("anchor", ("address", "uint256", "bytes32"))
VALIDATE: Final = Function("validate", ("address", "uint256", "address", "address", "string", "bytes32"))

FUNCTIONS: Final = (APPOINT, WRITER_OF, ANCHOR, VALIDATE)
