"""The suite's fixture tools that take long, ask while they work, or fail after a while."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR
from pydantic import BaseModel, ConfigDict, Field

from base.errors import EngineError
from base.usage import Usage
from settlement.rail import Served
from tests.contract.mcp.conformance.asking import elicit
from tools.core import AnyTool, Ask, Call, Result, Tool
from tools.immediate import NOWHERE

Work = Callable[[Any, Call], Awaitable[str]]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Greet(Strict):
    name: str


class Compute(Strict):
    seconds: float = Field(ge=0, le=60)
    label: str = ""


class Delete(Strict):
    filename: str


class Nothing(Strict):
    pass


class Gathered(Strict):
    user_name: str


class Said(BaseModel):
    text: str


class Later:
    """Works after it has begun: whatever it does, it does within a task."""

    def __init__(self, work: Awaitable[str]) -> None:
        self._work = work
        self._text = ""

    def reserve(self) -> None:
        """There is always room."""

    async def start(self) -> Served:
        return NOWHERE

    async def events(self) -> AsyncIterator[Any]:
        self._text = await self._work
        for nothing in list[Any]():
            yield nothing

    def result(self) -> Result:
        return Result({"text": self._text}, Usage(), "")

    async def close(self) -> None:
        """Nothing runs on."""


def task_tools() -> list[AnyTool]:
    return [
        _tool("greet", Greet, _greet),
        _tool("slow_compute", Compute, _compute),
        _tool("failing_job", Nothing, _fail, task_only=True),
        _tool("protocol_error_job", Nothing, _break, task_only=True),
        _tool("confirm_delete", Delete, _confirm, task_only=True),
        _tool("multi_input", Nothing, _ask_twice, task_only=True),
        _tool("test_tool_with_task", Gathered, _greet_gathered, task_only=True),
    ]


def _tool(name: str, arguments: type[BaseModel], work: Work, *, task_only: bool = False) -> AnyTool:
    return Tool(
        name=name,
        title=name,
        description=f"A fixture of the conformance suite: {name}.",
        Input=arguments,
        Output=Said,
        run=lambda args, call: Later(work(args, call)),
        quote=None,
        modality="none",
        content=_show,
        task_only=task_only,
    )


def _show(output: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [{"type": "text", "text": output["text"]}]


async def _greet(args: Greet, call: Call) -> str:
    return f"Hello, {args.name}!"


async def _greet_gathered(args: Gathered, call: Call) -> str:
    return f"Hello, {args.user_name}!"


async def _compute(args: Compute, call: Call) -> str:
    await asyncio.sleep(args.seconds)
    return f"{args.label} took {args.seconds} s"


async def _fail(args: Nothing, call: Call) -> str:
    await asyncio.sleep(1)
    raise EngineError("This job always fails.")


async def _break(args: Nothing, call: Call) -> str:
    await asyncio.sleep(1)
    raise MCPError(INTERNAL_ERROR, "This job always breaks.")


async def _confirm(args: Delete, call: Call) -> str:
    question = elicit(f"Delete {args.filename}?", "confirm", "boolean")
    answers = await _asker(call)({"confirm": question})
    return f"confirmed: {answers['confirm']['content']['confirm']}"


async def _ask_twice(args: Nothing, call: Call) -> str:
    answers = await _asker(call)(
        {"first": elicit("What is your name?", "name"), "second": elicit("And yours?", "name")}
    )
    return ", ".join(str(answers[name]["content"]["name"]) for name in ("first", "second"))


def _asker(call: Call) -> Ask:
    assert call.ask is not None
    return call.ask
