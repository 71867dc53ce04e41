"""The Validation Registry of ERC-8004: what independent validators say of an agent's work.

A request that nobody answered reads as a response of 0: only the event tells them apart.
"""

from typing import Final

from settlement.chain.abi import Event, Function

VALIDATION_RESPONSE_CALL: Final = Function(
    "validationResponse", ("bytes32", "uint8", "string", "bytes32", "string")
)
GET_VALIDATION_STATUS: Final = Function(
    "getValidationStatus",
    ("bytes32",),
    ("address", "uint256", "uint8", "bytes32", "string", "uint256"),
)
GET_VALIDATOR_REQUESTS: Final = Function("getValidatorRequests", ("address",), ("bytes32[]",))
VALIDATION_REQUEST: Final = Event(
    "ValidationRequest",
    ("address", "uint256", "string", "bytes32"),
    ("address", "uint256", "bytes32"),
    ("string",),
)
VALIDATION_RESPONSE: Final = Event(
    "ValidationResponse",
    ("address", "uint256", "bytes32", "uint8", "string", "bytes32", "string"),
    ("address", "uint256", "bytes32"),
    ("uint8", "string", "bytes32", "string"),
)

FUNCTIONS: Final = (VALIDATION_RESPONSE_CALL, GET_VALIDATION_STATUS, GET_VALIDATOR_REQUESTS)
EVENTS: Final = (VALIDATION_REQUEST, VALIDATION_RESPONSE)
MOST: Final = 100
"""The best response."""
