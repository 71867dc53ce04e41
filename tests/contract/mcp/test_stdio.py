"""The bridge as desktop clients start it: the official clients over pipes, a real server behind it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from eth_account import Account
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from settlement.chain.funding import fund
from tests.children import CHAT_ENGINE, child_of, wait_until_idle
from tests.contract.mcp.test_typescript import CANCELLED, saw
from tests.live import LiveServer, free_port
from tests.long_answer import LONG
from tests.watched import Watched

MODES = ("2026-07-28", "legacy")
CHAT: dict[str, Any] = {
    "model": "qwen3-32b",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 8,
}
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Pocket:
    """A wallet's key file."""

    file: Path

    def flags(self, per_call: str = "0.10", budget: str = "1.00") -> tuple[str, ...]:
        return ("--wallet", str(self.file), "--max-per-call", per_call, "--budget", budget)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.with_suffix(".state").read_text())
        return found


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def pocket(live_server: LiveServer, tmp_path: Path) -> Pocket:
    wallet = Account.create()
    await fund(live_server.rpc_url, wallet.address, 5_000_000)
    file = tmp_path / "wallet.key"
    file.write_text(bytes(wallet.key).hex())
    file.chmod(0o600)
    return Pocket(file)


def program(url: str, *flags: str, key: str | None = None) -> StdioServerParameters:
    env = {name: value for name, value in os.environ.items() if name != "BATCHIN_API_KEY"}
    if key is not None:
        env["BATCHIN_API_KEY"] = key
    arguments = ["-m", "server.cli", "mcp", "--stdio", url, *flags]
    return StdioServerParameters(command=sys.executable, args=arguments, env=env, cwd=str(ROOT))


@asynccontextmanager
async def bridged(parameters: StdioServerParameters, mode: str, log: Path) -> AsyncIterator[Client]:
    with log.open("a") as errors:
        async with Client(stdio_client(parameters, errlog=errors), mode=mode) as client:
            yield client


def content(result: Any) -> Mapping[str, Any]:
    assert isinstance(result.structured_content, dict), result
    return result.structured_content


async def test_a_client_with_a_key_lists_calls_follows_and_is_refused(
    live_server: LiveServer, mode: str, tmp_path: Path
) -> None:
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    parameters = program(live_server.url, key=live_server.api_key)
    async with bridged(parameters, mode, tmp_path / "log") as client:
        assert client.protocol_version == (mode if mode != "legacy" else "2025-11-25")
        assert {"chat", "embed", "usage"} <= {tool.name for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("chat", CHAT, progress_callback=hear)
        wrong = await client.call_tool("chat", {**CHAT, "max_tokens": 0})
        catalog = await client.read_resource("batchin://catalog/models")
    assert content(answer)["choices"][0]["message"]["content"] == "".join(heard)
    assert content(wrong)["error"]["param"] == "max_tokens"
    assert "qwen3-32b" in catalog.contents[0].text  # type: ignore[union-attr]


async def test_a_call_that_the_client_gives_up_stops_the_engine(
    live_server: LiveServer, mode: str, tmp_path: Path
) -> None:
    engine = child_of(live_server, CHAT_ENGINE)
    begun = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    parameters = program(live_server.url, key=live_server.api_key)
    async with bridged(parameters, mode, tmp_path / "log") as client:
        async with anyio.create_task_group() as group:

            async def call() -> None:
                await client.call_tool("chat", LONG, progress_callback=hear)

            group.start_soon(call)
            await begun.wait()
            group.cancel_scope.cancel()
        await asyncio.to_thread(wait_until_idle, engine)


async def test_a_wallet_pays_once_and_spends_the_rest_across_restarts(
    live_server: LiveServer, mode: str, tmp_path: Path, pocket: Pocket
) -> None:
    parameters = program(live_server.url, *pocket.flags())
    async with bridged(parameters, mode, tmp_path / "log") as client:
        paid = await client.call_tool("chat", CHAT)
    assert content(paid)["choices"][0]["message"]["content"]
    assert (paid.meta or {})["x402/payment-response"]["success"] is True
    spent = pocket.state()["spent_nano_usd"]
    assert spent == int((paid.meta or {})["x402/payment-response"]["amount"]) * 1000
    async with bridged(parameters, mode, tmp_path / "log") as client:
        credit = await client.call_tool("embed", {"model": "bge-m3", "input": "rest"})
    assert "x402/payment-response" not in (credit.meta or {})
    assert (credit.meta or {})["batchin/evidence"]["payload"]["rail"] == "credit"
    assert pocket.state()["spent_nano_usd"] == spent
    # a token that the server does not know any more is forgotten, and the wallet pays anew
    state = pocket.state()
    state["tokens"] = {live_server.url: "batchin_wallet_" + "A" * 43}
    pocket.file.with_suffix(".state").write_text(json.dumps(state))
    async with bridged(parameters, mode, tmp_path / "log") as client:
        again = await client.call_tool("chat", {**CHAT, "seed": 2})
    assert (again.meta or {})["x402/payment-response"]["success"] is True
    assert pocket.state()["spent_nano_usd"] > spent


async def test_a_watched_call_is_paid_before_it_runs_and_its_text_grows(
    live_server: LiveServer, tmp_path: Path, pocket: Pocket
) -> None:
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    parameters = program(live_server.url, *pocket.flags())
    async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
        paid = await client.call_tool("chat", CHAT, progress_callback=hear)
    assert content(paid)["choices"][0]["message"]["content"] == "".join(heard)
    assert (paid.meta or {})["x402/payment-response"]["success"] is True


@pytest.mark.parametrize(
    ("limits", "says"),
    [(("0.000001", "1.00"), "--max-per-call"), (("1.00", "0.000001"), "--budget")],
)
async def test_what_the_owner_does_not_allow_is_not_paid(
    live_server: LiveServer,
    tmp_path: Path,
    pocket: Pocket,
    limits: tuple[str, str],
    says: str,
) -> None:
    watched = Watched(live_server)
    before = watched.money()
    parameters = program(live_server.url, *pocket.flags(*limits))
    async with bridged(parameters, "2026-07-28", tmp_path / "log") as client:
        refused = await client.call_tool("chat", CHAT)
        free = await client.call_tool("models", {})
    assert refused.is_error is True
    assert content(refused)["accepts"]
    assert says in refused.content[0].text  # type: ignore[union-attr]
    assert free.is_error is False
    assert watched.money() == before


async def test_a_wrong_key_and_an_absent_server_are_told_in_words(
    live_server: LiveServer, tmp_path: Path
) -> None:
    absent = f"http://127.0.0.1:{free_port()}"
    for parameters, said in (
        (program(live_server.url, key="batchin_api_wrong"), "API key is invalid or missing"),
        (program(absent), "can't be reached"),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - however the SDK says it
            async with bridged(parameters, "legacy", tmp_path / "log") as client:
                await client.list_tools()
        assert said in repr(_leaf(caught.value))


def _leaf(error: BaseException) -> BaseException:
    return _leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@pytest.mark.peers
@pytest.mark.parametrize("sdk", ["v1", "v2"])
async def test_typescript_clients_pay_and_are_answered_over_pipes(
    live_server: LiveServer, tmp_path: Path, pocket: Pocket, sdk: str
) -> None:
    parameters = program(live_server.url, *pocket.flags())
    told = await saw(
        "pipes.mjs",
        tmp_path / "pipes",
        sdk,
        parameters.command,
        json.dumps(parameters.args),
        str(ROOT),
    )
    assert {"chat", "embed", "usage"} <= set(told["tools"])
    assert told["paid"]["_meta"]["x402/payment-response"]["success"] is True
    assert told["paid"]["structuredContent"]["choices"][0]["message"]["content"] == told["text"]
    assert told["invalid"]["structuredContent"]["error"]["param"] == "messages"
    assert told["cancelled"] == CANCELLED[sdk]
