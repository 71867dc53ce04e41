"""What can go wrong between us and a chain."""

from base.errors import ServiceUnavailable


class ChainUnavailable(ServiceUnavailable):
    """The chain's node did not answer in time, or not with JSON-RPC."""

    resolution = "Nothing was charged. Retry later; the operator finds the cause in the log."

    def __init__(self, message: str = "The chain does not answer.") -> None:
        super().__init__(message)


class GasBudgetSpent(ChainUnavailable):
    """The day's budget for gas is spent: nothing is sent until its oldest transactions are a day old."""

    def __init__(self) -> None:
        super().__init__("The server's budget for gas is spent.")


class RpcRefused(Exception):
    """The node answered with an error. ``code`` is JSON-RPC's; a revert's message carries its reason, or
    ``data`` its custom error (selector first)."""

    def __init__(self, code: int, message: str, data: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
