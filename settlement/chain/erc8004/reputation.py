"""The Reputation Registry of ERC-8004: what clients say of an agent."""

from typing import Final

from settlement.chain.abi import Event, Function

GIVE_FEEDBACK: Final = Function(
    "giveFeedback",
    ("uint256", "int128", "uint8", "string", "string", "string", "string", "bytes32"),
)
APPEND_RESPONSE: Final = Function(
    "appendResponse", ("uint256", "address", "uint64", "string", "bytes32")
)
GET_LAST_INDEX: Final = Function("getLastIndex", ("uint256", "address"), ("uint64",))
READ_FEEDBACK: Final = Function(
    "readFeedback", ("uint256", "address", "uint64"), ("int128", "uint8", "string", "string", "bool")
)
NEW_FEEDBACK: Final = Event(
    "NewFeedback",
    (
        "uint256", "address", "uint64", "int128", "uint8", "string", "string", "string", "string",
        "string", "bytes32",
    ),
    ("uint256", "address", "string"),
    ("uint64", "int128", "uint8", "string", "string", "string", "string", "bytes32"),
)  # fmt: skip

FUNCTIONS: Final = (GIVE_FEEDBACK, APPEND_RESPONSE, GET_LAST_INDEX, READ_FEEDBACK)
EVENTS: Final = (NEW_FEEDBACK,)
