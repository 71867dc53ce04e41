"""The tool core's values: Tool, Call, Execution, and the registry.

A tool is a frozen value; its pydantic models are the single source for the MCP schema, OpenAPI, the
x402 discovery data, the docs and the tests. Adding a capability is adding one module and registering it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from base.caller import Caller
from base.energy import Energy
from base.pricing import PriceCard, Quote
from base.resource import Resource
from base.trace import Trace
from base.usage import Usage
from settlement.limits.quota import Quota
from settlement.rail import Also, Delivery, Served, nothing

InputT = TypeVar("InputT", bound=BaseModel)
Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation's context; nothing else is passed by hand.

    ``payment`` is a decoded x402 payload when the caller sent one. ``prompt_version`` names the prompt
    the caller bound (``default`` if none). ``deadline_s`` is a clock.monotonic_s() time. ``ask`` puts
    MCP input requests to the caller and waits for the answers under the same names; None where the
    caller can't be asked. ``quota`` are the limits that it is under, None without any. ``promise`` is
    the signed quote that the caller names, None where it names none.
    """

    run_id: str
    request_id: str
    caller: Caller
    trace: Trace
    resource: Resource
    delivery: Delivery
    deadline_s: float
    payment: Mapping[str, Any] | None = None
    prompt_version: str = "default"
    quota: Quota | None = None
    ask: Ask | None = None
    idempotency_key: str | None = None
    promise: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """Where a run ended: what served it (another replica perhaps than answered first), and the energy it
    took, None where nobody knows."""

    served: Served
    energy: Energy | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has produced so far; whole when ``status`` is completed.

    ``output`` is JSON data that fits the tool's Output model (a test validates it; the hot path does
    not build a model twice). ``response_hash`` follows docs/receipts.md, one rule a capability.
    ``request_hash`` is what the record names in place of the hash of the arguments, None: those.
    ``details`` are what the evidence tells of the engine's way to it (no text of the caller). ``also``
    makes what becomes true with the charge of a completed run, in the same commit.
    """

    output: Mapping[str, Any]
    usage: Usage
    response_hash: str
    ran: Ran | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    also: Also = nothing
    request_hash: str | None = None


class Execution(Protocol):
    """One run of a tool, from its place in the queue to its result.

    ``reserve`` takes a place before anything is paid (EngineOverloaded), ``start`` waits for the
    engine's first answer (EngineError and its kin), ``events`` yields what a stream shows, ``result``
    is what was produced up to now, and ``close`` aborts what still runs and frees the place.
    """

    def reserve(self) -> None: ...

    async def start(self) -> Served: ...

    def events(self) -> AsyncIterator[Any]: ...

    def result(self) -> Result: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Followed:
    """How a job stands: its output anew, a few words on it, and whether it ended without a result."""

    output: Mapping[str, Any]
    message: str
    failed: bool


class Job(Protocol):
    """Work that goes on after the call that began it, which its output names."""

    def states(self, output: Mapping[str, Any]) -> AsyncIterator[Followed]:
        """Each change until the end. Raises NotFound when it is gone."""
        ...

    async def stop(self, output: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Annotations:
    """MCP tool hints (spec 2026-07-28, ToolAnnotations)."""

    read_only: bool = True
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class Tool(Generic[InputT]):
    """A capability.

    ``quote`` bounds the cost of validated arguments before anything runs (raises InvalidRequest,
    ModelNotFound, ContextLengthExceeded, EngineNotConfigured, EngineOverloaded), at once or after a
    look at what was sent; None marks a free tool, which leaves no charge and no record. ``prepare``
    looks up what the arguments name, before the quote (raises BatchinError). ``run`` starts nothing
    until its events are iterated.
    ``card`` is the price of a tool that runs no model of the catalog.
    ``content`` shows an output as MCP content blocks (spec 2026-07-28, ContentBlock), for pictures and
    sound; None shows its JSON as text. ``task_only`` marks what runs too long for any request: only
    clients that know tasks can call it; ``job`` follows what goes on after the call, for those clients.
    ``listed`` is False for another spelling of a listed tool, which
    the OpenAI-compatible door alone needs: agents are shown one tool a capability. ``version`` is raised
    with every change of its schemas or annotations that a program could notice (scripts/snapshots.py).
    """

    name: str
    title: str
    description: str
    Input: type[InputT]
    Output: type[BaseModel]
    run: Callable[[InputT, Call], Execution]
    quote: Callable[[InputT], Quote | Awaitable[Quote]] | None
    modality: str
    prepare: Callable[[InputT, Call], Awaitable[InputT]] | None = None
    card: PriceCard | None = None
    annotations: Annotations = field(default_factory=Annotations)
    examples: Sequence[Mapping[str, Any]] = ()
    aliases: Sequence[str] = ()
    available: Callable[[], bool] = lambda: True
    content: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]] | None = None
    task_only: bool = False
    job: Job | None = None
    listed: bool = True
    version: int = 1


AnyTool = Tool[Any]


class Registry:
    """The tools by name and alias; iterating yields the listed ones, in the order of registration."""

    def __init__(self, tools: Sequence[AnyTool]) -> None:
        self._tools = tuple(tools)
        self._by_name = {name: tool for tool in tools for name in (tool.name, *tool.aliases)}
        if len(self._by_name) != sum(1 + len(tool.aliases) for tool in tools):
            raise ValueError("two tools share a name or an alias")

    def __iter__(self) -> Iterator[AnyTool]:
        return (tool for tool in self._tools if tool.listed)

    def get(self, name: str) -> AnyTool | None:
        return self._by_name.get(name)
