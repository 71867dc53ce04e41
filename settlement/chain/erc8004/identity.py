"""The Identity Registry of ERC-8004: agents, their wallets and their metadata."""

from collections.abc import Iterable
from typing import Any, Final

from settlement.chain.abi import Event, Function, number_of, number_topic
from settlement.chain.client import Log

REGISTER: Final = Function("register", ("string",), ("uint256",))
OWNER_OF: Final = Function("ownerOf", ("uint256",), ("address",))
TOKEN_URI: Final = Function("tokenURI", ("uint256",), ("string",))
SET_AGENT_URI: Final = Function("setAgentURI", ("uint256", "string"))
APPROVE: Final = Function("approve", ("address", "uint256"))
GET_APPROVED: Final = Function("getApproved", ("uint256",), ("address",))
GET_METADATA: Final = Function("getMetadata", ("uint256", "string"), ("bytes",))
SET_METADATA: Final = Function("setMetadata", ("uint256", "string", "bytes"))
GET_AGENT_WALLET: Final = Function("getAgentWallet", ("uint256",), ("address",))
SET_AGENT_WALLET: Final = Function("setAgentWallet", ("uint256", "address", "uint256", "bytes"))

REGISTERED: Final = Event(
    "Registered", ("uint256", "string", "address"), ("uint256", "address"), ("string",)
)
METADATA_SET: Final = Event(
    "MetadataSet", ("uint256", "string", "string", "bytes"), ("uint256", "string"), ("string", "bytes")
)

FUNCTIONS: Final = (
    REGISTER, OWNER_OF, TOKEN_URI, SET_AGENT_URI, APPROVE, GET_APPROVED, GET_METADATA, SET_METADATA,
    GET_AGENT_WALLET, SET_AGENT_WALLET,
)  # fmt: skip
EVENTS: Final = (REGISTERED, METADATA_SET)

LONGEST_DEADLINE_S: Final = 300
"""How far beyond the latest block the deadline of a new wallet may lie."""
_DOMAIN_NAME: Final = "ERC8004IdentityRegistry"
_WALLET_TYPE: Final = [
    {"name": "agentId", "type": "uint256"},
    {"name": "newWallet", "type": "address"},
    {"name": "owner", "type": "address"},
    {"name": "deadline", "type": "uint256"},
]
_DOMAIN_TYPE: Final = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def registered(registry: str, logs: Iterable[Log]) -> int | None:
    """The id of the agent that a transaction registered; the first one of a registry is 0."""
    for topics, _ in REGISTERED.of(registry, logs):
        return number_of(topics[0])
    return None


def metadata_written(registry: str, agent_id: int, key: str, logs: Iterable[Log]) -> list[bytes]:
    """What a transaction wrote under a key of an agent's metadata."""
    wanted = number_topic(agent_id)
    return [
        value
        for topics, (written, value) in METADATA_SET.of(registry, logs)
        if topics[0] == wanted and written == key
    ]


def wallet_consent(
    chain_id: int, registry: str, agent_id: int, wallet: str, owner: str, deadline: int
) -> dict[str, Any]:
    """The EIP-712 typed data that a wallet signs to become an agent's (``deadline``: Unix seconds)."""
    return {
        "types": {"EIP712Domain": _DOMAIN_TYPE, "AgentWalletSet": _WALLET_TYPE},
        "primaryType": "AgentWalletSet",
        "domain": {
            "name": _DOMAIN_NAME,
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": registry,
        },
        "message": {"agentId": agent_id, "newWallet": wallet, "owner": owner, "deadline": deadline},
    }
