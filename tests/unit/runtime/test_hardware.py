"""Compute is what engines report: one machine counts once, and what nobody tells stays untold."""

import orjson

from runtime.engine import EngineState, Load
from runtime.hardware import Hardware, Inventory, machine
from runtime.pool import Engines
from runtime.routing.replica import Replica, Service
from runtime.sglang.loads import load_of
from tests.clocks import HandClock
from tests.fake_sglang import shapes
from tests.unit.runtime.routing.fleet import FakeEngine

H100 = "NVIDIA H100 80GB HBM3"


def told(accelerator: str | None, *memories: float | None) -> bytes:
    """The answer of a server of as many ranks, of two accelerators each."""
    answer = shapes.loads(1, 0, 8) | {"accelerator": accelerator, "num_accelerators": 2}
    row = answer["loads"][0]
    held = [{"weight_gb": m, "kv_cache_gb": 10.0, "graph_gb": 0.5} if m else None for m in memories]
    rows = [{**row, "dp_rank": rank, "memory": memory} for rank, memory in enumerate(held)]
    return orjson.dumps({**answer, "loads": rows})


def test_sglang_tells_its_accelerators_and_what_it_holds_there() -> None:
    load = load_of(told(H100, 30.0, 30.0))
    assert load is not None
    assert load.hardware == Hardware(H100, 4, 162.0)
    unknown = load_of(told(H100, 30.0, None))
    assert unknown is not None
    assert unknown.hardware == Hardware(H100, 4, None)
    without = load_of(told(None, 30.0))
    assert without is not None
    assert without.hardware is None


async def test_the_inventory_is_of_engines_that_are_up() -> None:
    clock, host = HandClock(), Hardware("CPU", 8, 62.0)

    def replica(name: str, service: Service, hardware: Hardware | None = None) -> Replica:
        engine = FakeEngine(id=name, reported=Load(0, 0, 4, hardware=hardware))
        return Replica(engine, service, clock, 10)

    private = Service(4, 4, lanes=frozenset({"private:acme", "shared"}))
    replicas = [
        replica("chat", Service(4, 4, machine=host)),
        replica("voice", Service(4, 4, machine=host)),
        replica("a", private, Hardware(H100, 8, 500.0)),
        replica("b", private, Hardware(H100, 8, 500.5)),
        replica("silent", Service(4, 4, region="eu")),
        replica("down", Service(4, 4), Hardware(H100, 8, 500.0)),
    ]
    async with Engines(replicas) as engines:
        for one in replicas:
            await one.look()
        down = replicas[-1].engine
        assert isinstance(down, FakeEngine)
        down.state = EngineState.DOWN
        # an engine that does not tell has an unknown number, one that is down has none
        assert (engines.cards("private:acme"), engines.cards("private:none")) == (16, 0)
        assert engines.cards("shared") is None
        assert sorted(engines.inventory(), key=str) == sorted(
            [
                Inventory(host, ("batch", "shared"), "local"),
                Inventory(Hardware(H100, 16, 1000.5), ("private", "shared"), "local"),
                Inventory(Hardware(None, None, None), ("batch", "shared"), "eu"),
            ],
            key=str,
        )


def test_this_machine_has_cores_and_memory() -> None:
    here = machine()
    assert here.kind == "CPU"
    assert here.count
    assert here.memory_gib
