"""The two peers of the contract: the fake server and a real SGLang, each as a pair of servers."""

import asyncio
import hashlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from runtime.engine import EngineCall, Event, Load, Modality, Started
from runtime.http.message import Limits
from runtime.local.artifacts import user_cache_dir
from runtime.openai_http import OpenAiHttp
from runtime.served import run_for
from runtime.sglang.environment import Environment
from runtime.sglang.flavour import SgLang
from runtime.sglang.install import Stage, install
from runtime.sglang.launched import Launched
from runtime.sglang.loads import LOADS_PATH, load_of
from runtime.sglang.plan import LaunchPlan
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.server import FakeSglang, serving

MODEL: Final = "tiny-qwen3"
CONTEXT: Final = 2048
DIMENSIONS: Final = 128
RUNNING_MAX: Final = 4
QUEUE_MAX: Final = 4
PRIORITIES: Final = {"shared": 0, "batch": -10}
LIMITS: Final = Limits()
HELLO: Final = [{"role": "user", "content": "hello"}]
_MAKER: Final = Path(__file__).with_name("make_tiny.py")


@dataclass(frozen=True, slots=True)
class Peer:
    """One server behind our adapter, as a model of ``kind``. ``url`` and the keys are for those who ask
    it directly; ``fake`` is None where it is real."""

    http: OpenAiHttp
    kind: Modality
    url: str
    key: str
    admin_key: str
    fake: FakeSglang | None = None

    def run(self, asked: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return run_for(self.kind if asked.model == MODEL else None, asked, self.http.run)

    async def load(self) -> Load:
        told = load_of(await self.http.get(LOADS_PATH) or b"")
        assert told is not None
        return told

    async def idle(self) -> None:
        """Wait until nothing runs or waits there."""
        deadline = time.monotonic() + 60
        while True:
            load = await self.load()
            if load.running + load.queued == 0:
                return
            assert time.monotonic() < deadline, load
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Peers:
    """A server that generates, with a completion template, and one that embeds."""

    chat: Peer
    embed: Peer


def call(
    modality: Modality = Modality.CHAT, *, rid: str = "", tenant: str = "acct_1", **body: Any
) -> EngineCall:
    """A call of the tiny model under an id that no other has."""
    fields: Mapping[str, Any] = body
    if modality is Modality.CHAT:
        fields = {"messages": HELLO, "max_tokens": 6, "temperature": 0, **body}
    return EngineCall(rid or f"run_{time.monotonic_ns()}", modality, MODEL, fields, tenant)


async def events_of(peer: Peer, asked: EngineCall) -> list[Event]:
    async with peer.run(asked) as events:
        return [event async for event in events]


@asynccontextmanager
async def fake_peers() -> AsyncIterator[Peers]:
    """Both fake servers, in this process."""
    async with AsyncExitStack() as stack:
        kinds = Kind(key="k" * 32, admin_key="a" * 32, running_max=RUNNING_MAX, queue_max=QUEUE_MAX)
        chat = await _fake(stack, replace(kinds, fills_in=True), Modality.CHAT)
        embed = await _fake(stack, replace(kinds, embedding=True), Modality.EMBEDDING)
        yield Peers(chat, embed)


async def _fake(stack: AsyncExitStack, kind: Kind, modality: Modality) -> Peer:
    fake = await stack.enter_async_context(serving(kind))
    return _peer(stack, fake.url, (str(kind.key), str(kind.admin_key)), modality, fake)


def _peer(
    stack: AsyncExitStack,
    url: str,
    keys: tuple[str, str],
    kind: Modality,
    fake: FakeSglang | None = None,
) -> Peer:
    infills = frozenset({MODEL}) if kind is Modality.CHAT else frozenset[str]()
    http = OpenAiHttp(
        url,
        SgLang(b"s" * 32, PRIORITIES, infills),
        lambda asked, _: Started(asked.model, "", "sglang", "0.5.23"),
        LIMITS,
        *keys,
    )
    stack.push_async_callback(http.aclose)
    return Peer(http, kind, url, *keys, fake)


@asynccontextmanager
async def real_peers() -> AsyncIterator[Peers]:
    """Both servers of a real SGLang, installed and given a model where that is not done yet."""
    cache = user_cache_dir()
    environment = await asyncio.to_thread(install, cache, "cpu", Progress())
    model = await asyncio.to_thread(tiny_model, cache, environment)
    plan = LaunchPlan(
        python=environment.python,
        build="cpu",
        model=str(model),
        served_as=MODEL,
        kind=Modality.CHAT,
        args=("--max-running-requests", str(RUNNING_MAX)),
        max_queued=QUEUE_MAX,
        start_s=600,
    )
    generates = replace(plan, args=(*plan.args, "--completion-template", "qwen_coder"))
    embeds = replace(plan, kind=Modality.EMBEDDING)
    started = time.monotonic()
    chat = Launched("sglang-chat", generates, PRIORITIES, LIMITS)
    embed = Launched("sglang-embed", embeds, PRIORITIES, LIMITS)
    async with AsyncExitStack() as stack:
        starts = (stack.enter_async_context(engine) for engine in (chat, embed))
        for result in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        print(f"SGLang: two servers up in {time.monotonic() - started:.0f} s", file=sys.stderr)
        keys = (plan.key, plan.admin_key)
        yield Peers(
            _peer(stack, str(chat.url), keys, Modality.CHAT),
            _peer(stack, str(embed.url), keys, Modality.EMBEDDING),
        )


def tiny_model(cache: Path, environment: Environment) -> Path:
    """The model's folder; made once for each version of its maker. Blocking."""
    digest = hashlib.sha256(_MAKER.read_bytes()).hexdigest()[:12]
    folder = cache / "engines" / f"tiny-qwen3-{digest}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        subprocess.run([environment.python, "-P", _MAKER, unfinished], check=True, capture_output=True)
        unfinished.rename(folder)
    return folder


class Progress:
    """Tells how far an installation is, a line at most every ten seconds."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, stage: Stage) -> None:
        if time.monotonic() - self._told_s > 10:
            self._told_s = time.monotonic()
            line = f"SGLang: {stage.done} of {stage.total} packages {stage.what}"
            print(line, file=sys.stderr, flush=True)
