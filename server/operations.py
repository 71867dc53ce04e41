"""What an operator may ask for, the same beside a running server and without one.

Every operation takes JSON arguments and returns JSON data, so that the admin socket and the command line
see one thing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from base.errors import BatchinError, InvalidRequest, NotFound, ServiceUnavailable

Run = Callable[[Any], Awaitable[Any]]


class OperationFailed(BatchinError):
    """What the other side of the admin socket said against an operation."""

    def __init__(
        self, message: str, code: str, param: str | None = None, resolution: str | None = None
    ) -> None:
        super().__init__(message, param=param, resolution=resolution)
        self.said_code = code


class Arguments(BaseModel):
    """Arguments of an operation; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoArguments(Arguments):
    """For operations that take none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its arguments' model, and what it does with them."""

    Arguments: type[BaseModel]
    run: Run


class Office(Protocol):
    """Where operations are asked for: a running server's socket, or the books themselves."""

    async def call(self, operation: str, /, **arguments: Any) -> Any:
        """The operation's result as JSON data. Raises BatchinError."""
        ...


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations by name. Implements Office."""

    by_name: Mapping[str, Operation]
    ready: Callable[[], bool] = field(default=lambda: True)

    async def call(self, operation: str, /, **arguments: Any) -> Any:
        """Raises NotFound for an unknown name, InvalidRequest for wrong arguments, ServiceUnavailable
        while ``ready`` says no, and what the operation raises."""
        if not self.ready():
            raise ServiceUnavailable("The server is starting or stopping.", resolution="Try again soon.")
        known = self.by_name.get(operation)
        if known is None:
            raise NotFound(f"There is no operation {operation!r} here.")
        try:
            checked = known.Arguments.model_validate(arguments)
        except ValidationError as error:
            raise InvalidRequest(_sentence(error)) from None
        return await known.run(checked)


def _sentence(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
