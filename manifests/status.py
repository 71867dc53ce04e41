"""The wire shapes and operations of the public state: status and compute."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manifests.operation import JSON, Operation, Reply


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EngineStatus(_Told):
    """An engine: its calls that run and wait now, and how often it was started again."""

    id: str
    state: Literal["starting", "ready", "suspect", "draining", "down", "stopped"]
    models: list[str]
    running: int
    queued: int
    restarts: int


class SettlementStatus(_Told):
    """The x402 rail: ``late`` while a payment waits for its settlement for more than two minutes."""

    state: Literal["ok", "late", "off"]
    networks: list[str] = Field(description="Chains that payments settle on, CAIP-2.")
    unsettled: int
    oldest_unsettled_s: int


class LogStatus(_Told):
    """The log of records and its last signed checkpoint; ``late`` while a record waits for one for more
    than two minutes."""

    state: Literal["ok", "late"]
    size: int | None
    checkpoint_at: str | None
    waiting: int
    anchors_on: str | None = Field(description="The chain that checkpoints are written to, CAIP-2.")
    anchors: bool = Field(description="Whether checkpoints are written to it.")


class IncidentStatus(_Told):
    """A time in which a part did not serve; ``ended_at`` is null while it lasts."""

    id: str
    component: str = Field(description="engine:ID, store, settlement or log.")
    state: str = Field(description="How it was when the incident began.")
    began_at: str
    ended_at: str | None


class Status(_Told):
    """How the server is. Incidents of the last 90 days, the newest first, at most 100."""

    object: Literal["status"]
    status: Literal["ok", "degraded", "unavailable"]
    as_of: str
    version: str
    admits_calls: bool
    store: Literal["ok", "failing"]
    engines: list[EngineStatus]
    settlement: SettlementStatus
    log: LogStatus
    incidents: list[IncidentStatus]


class ComputeRow(_Told):
    """Hardware of one kind. What an engine does not report is null: nothing is guessed."""

    kind: str | None = Field(description="The accelerator's name, or CPU.")
    count: int | None = Field(description="Accelerators, or processor cores.")
    memory_gib: float | None = Field(
        description="Memory that engines hold on the accelerators; of a CPU the machine's memory."
    )
    lanes: list[Literal["shared", "batch", "private"]]
    region: str


class Compute(_Told):
    """What the engines that are up report to run on, at this moment."""

    object: Literal["list"]
    as_of: str
    data: list[ComputeRow]


def status_operations() -> tuple[Operation, ...]:
    return (
        Operation(
            "GET",
            "/v1/status",
            "getStatus",
            "How the server is",
            description=(
                "Engines and their queues, settlement, the log and its last checkpoint, and the "
                "incidents of the last 90 days. The page of it is /status."
            ),
            replies={
                200: Reply("The state.", {JSON: Status}),
                503: Reply(
                    "The store does not answer: engines are told, incidents are not.", {JSON: Status}
                ),
            },
        ),
        Operation(
            "GET",
            "/v1/compute",
            "getCompute",
            "What live engines run on",
            description=(
                "Kind, count, memory and lanes, as the engines that are up report them now: there is "
                "no other inventory. Whose a private lane is stays untold. The page of it is /compute."
            ),
            replies={200: Reply("The hardware.", {JSON: Compute})},
        ),
    )
