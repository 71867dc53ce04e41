"""A validator that dies in the middle, loses its chain, or is lied to: each request of its server's
agent is answered once, with the report that the chain holds the hash of, and nobody else's at all."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from base.agent_settings import AgentSettings
from server.control import control_plane
from server.proof import Proof
from server.validator.audit import Auditor, ServerUnreadable
from server.validator.memory import Memory
from server.validator.validator import Validator
from settlement.agent.seat import AgentSeat
from settlement.agent.steps import Steps
from settlement.chain.abi import Function
from settlement.chain.client import ChainClient
from settlement.chain.devchain import DevChain
from settlement.chain.erc8004 import identity, validation
from settlement.chain.errors import ChainUnavailable
from settlement.chain.funding import fund_gas
from settlement.chain.keccak import keccak256
from settlement.chain.keys import LocalSigner
from settlement.chain.tables import TABLES as CHAIN
from settlement.chain.transactions import TransactionManager
from settlement.chain.usdc import address_topic
from settlement.evidence.anchors import AnchorBook
from settlement.limits.addresses import AddressLimits
from storage.lock import DataDirLock
from tests.chains import running_chain
from tests.stores import fresh_store
from tests.unit.server.test_cli import run
from tests.unit.settlement.agent.site import Site, new_signer, site

ASK = Function("validationRequest", ("address", "uint256", "string", "bytes32"))
GAS = 500_000


class Line(ChainClient):
    """The way to the chain, which can be cut: for everything, or for what is sent alone."""

    cut = ""

    async def request(self, method: str, *params: Any) -> Any:
        if self.cut and self.cut in method:
            raise ChainUnavailable
        return await super().request(method, *params)


@dataclass
class Town:
    """A server that is an agent, as others see it, and a chain. ``instead`` is what it answers to paths
    that begin so, where it lies."""

    place: Site
    rpc_url: str
    folder: Path
    agent: int
    validator: LocalSigner
    line: Line
    instead: dict[str, Response] = field(default_factory=dict)

    async def asked(self, records: int = 2) -> str:
        """The digest of a new checkpoint that the validator is asked about."""
        await self.place.record(records)
        anchorer = self.place.anchorer("validation_registry", validator=self.validator.address)
        await anchorer.step(now=True)
        await anchorer.step()
        assert anchorer.trouble == ""
        anchor = await AnchorBook(self.place.store, self.place.log).latest(self.place.place.genesis)
        assert anchor is not None
        return anchor.digest

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Validator]:
        """A validator process: what it knows it read from its folder."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(fresh_store(self.folder, CHAIN))
            genesis, clock = self.place.place.genesis, self.place.clock
            manager = TransactionManager(
                store, self.line, self.validator, self.place.place.network, genesis, clock
            )
            await manager.open()
            stack.push_async_callback(manager.close)
            http = await stack.enter_async_context(
                httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url="http://s")
            )
            auditor = Auditor(http, Memory.read(self.folder / "memory.json"))
            registry = self.place.place.registries.validation
            yield Validator(self.line, registry, Steps(self.line, manager, 20), auditor, self.folder)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        lie = next((lie for path, lie in self.instead.items() if scope["path"].startswith(path)), None)
        await (lie or self._honest())(scope, receive, send)

    def _honest(self) -> Any:
        place = self.place
        nowhere = AgentSeat(
            AgentSettings(), self.folder, "http://s", place.store, place.log, place.clock, None
        )
        proof = Proof(place.proofs, nowhere, AddressLimits(10**6, place.clock))

        async def registration(_: Request) -> Response:
            name = f"{place.place.network}:{place.place.registries.identity}"
            return JSONResponse({"registrations": [{"agentId": self.agent, "agentRegistry": name}]})

        return control_plane(
            [*proof.routes(), Route("/.well-known/agent-registration.json", registration)]
        )

    async def responses(self) -> list[str]:
        """The digests that were answered on the chain, one for each answer."""
        topics = (validation.VALIDATION_RESPONSE.topic, address_topic(self.validator.address))
        logs = await self.place.client.logs(self.place.place.registries.validation, topics)
        return [log.topics[3] for log in logs]

    async def score(self, digest: str) -> int:
        """What the chain says, which holds the hash of the report that was kept."""
        asked = validation.GET_VALIDATION_STATUS.call(bytes.fromhex(digest[2:]))
        answer = await self.place.client.call(self.place.place.registries.validation, asked)
        _, _, score, report_hash, *_ = validation.GET_VALIDATION_STATUS.result(answer)
        report = (self.folder / f"{digest}.json").read_bytes()
        assert keccak256(report) == report_hash
        assert orjson.loads(report)["score"] == score
        return int(score)


@pytest.fixture(scope="module")
def dev_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    with running_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


@pytest.fixture
async def town(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[Town]:
    (tmp_path / "site").mkdir()
    (tmp_path / "validator").mkdir()
    async with (
        site(dev_chain, tmp_path / "site") as place,
        Line(lambda: dev_chain.rpc_url) as line,
    ):
        agent = (await place.registrar().register()).number
        signer = new_signer()
        await fund_gas(dev_chain.rpc_url, signer.address)
        yield Town(place, dev_chain.rpc_url, tmp_path / "validator", agent, signer, line)


async def test_an_answer_that_was_written_down_and_not_sent_is_sent_once_after_a_restart(
    town: Town,
) -> None:
    digest = await town.asked()
    town.line.cut = "eth_sendRawTransaction"
    async with town.at_work() as validator:
        with pytest.raises(ChainUnavailable):
            await validator.round()
        assert await town.responses() == []
    report = (town.folder / f"{digest}.json").read_bytes()
    town.line.cut = ""
    town.instead["/v1/audit/log/entries"] = JSONResponse({"entries": []})  # an audit would now say 0
    async with town.at_work() as validator:
        await validator.round()
        assert await town.responses() == [digest]
        assert (await town.score(digest), await validator.round()) == (100, [])
    assert (town.folder / f"{digest}.json").read_bytes() == report


async def test_an_answer_that_was_sent_before_it_died_is_not_given_again(town: Town) -> None:
    digest = await town.asked()
    async with town.at_work() as validator:
        town.line.cut = "eth_getTransactionReceipt"  # it is sent, and it dies before it knows
        with pytest.raises(ChainUnavailable):
            await validator.round()
    town.line.cut = ""
    assert await town.responses() == [digest]
    async with town.at_work() as validator:
        assert await validator.round() == []
        later = await town.asked()
        assert [each.digest for each in await validator.round()] == [later]
        assert (await town.score(digest), await town.score(later)) == (100, 100)
    assert await town.responses() == [digest, later]


async def test_a_chain_that_is_away_costs_a_round_and_nothing_else(town: Town) -> None:
    digest = await town.asked()
    async with town.at_work() as validator:
        for cut in ("eth_call", "eth_estimateGas", "eth_gasPrice", "eth_"):
            town.line.cut = cut
            with pytest.raises(ChainUnavailable):
                await validator.round()
        town.line.cut = ""
        assert [each.score for each in await validator.round()] == [100]
        assert await validator.round() == []
    assert await town.responses() == [digest]


async def test_another_agents_request_is_left_alone(town: Town) -> None:
    """Whoever names the validator would spend its gas, and take this server's score for his own."""
    stranger, place = new_signer(), town.place
    await fund_gas(town.rpc_url, stranger.address)
    honest = await town.asked()
    async with fresh_store(town.folder.parent / "site", CHAIN) as store:
        manager = TransactionManager(
            store, place.client, stranger, place.place.network, place.place.genesis, place.clock
        )
        await manager.open()
        steps = Steps(place.client, manager, 20)
        made = await steps.carry_out(
            "agent", place.place.registries.identity, identity.REGISTER.call("http://elsewhere")
        )
        number = identity.registered(place.place.registries.identity, made.logs)
        assert number is not None
        named = (town.validator.address, number, "http://s/v1/audit", b"\x07" * 32)
        await steps.carry_out("request", place.place.registries.validation, ASK.call(*named))
        await manager.close()
    async with town.at_work() as validator:
        assert [each.digest for each in await validator.round()] == [honest]
        town.instead["/.well-known"] = JSONResponse({"registrations": []})
        await town.asked()
        assert await validator.round() == []
    assert await town.responses() == [honest]


HTML = Response("<h1>502</h1>", 200, media_type="text/html")
GARBAGE: dict[str, Response] = {
    "no JSON": HTML,
    "a list": JSONResponse([]),
    "nothing": JSONResponse(None),
    "an empty object": JSONResponse({}),
    "an error": JSONResponse({"error": {}}, 500),
    "a limit": JSONResponse({"error": {}}, 429),
    "other types": JSONResponse(
        {"checkpoint": 7, "registrations": 7, "log": [], "keys": {}, "entries": [7], "proof": [7]}
    ),
    "halves": JSONResponse(
        {"registrations": [{}], "entries": [{"payload_hash": 1}], "log": {"verifier_key": "a+b"}}
    ),
}
ROUTES = (
    "/.well-known/agent-registration.json",
    "/v1/audit/anchors",
    "/v1/vaas/pubkey/current",
    "/v1/audit/log/entries",
)


async def test_whatever_a_server_answers_its_validator_goes_on(town: Town) -> None:
    digest = await town.asked()
    async with town.at_work() as validator:
        for route in ROUTES:
            for what, lie in GARBAGE.items():
                if route == "/v1/audit/log/entries" and what == "halves":
                    continue  # that is an answer, and it is judged
                if route == "/v1/audit/anchors" and what == "other types":
                    continue  # so is that
                town.instead = {route: lie}
                try:
                    assert await validator.round() == [], (route, what)
                except ServerUnreadable:
                    continue
        assert await town.responses() == []
        town.instead = {}
        assert [each.score for each in await validator.round()] == [100]
    assert await town.responses() == [digest]


async def test_what_is_no_checkpoint_and_no_entry_scores_nothing_and_spoils_nothing(town: Town) -> None:
    """A server that showed wrong entries once can show the right ones later: only what was proved is
    kept."""
    lies = {
        "/v1/audit/anchors": JSONResponse({"checkpoint": "no note"}),
        "/v1/audit/log/entries": JSONResponse({"entries": [{"payload_hash": "sha256:" + "0" * 64}] * 9}),
        "/v1/audit/anchors/": JSONResponse({"error": {}}, 404),
    }
    async with town.at_work() as validator:
        for route, lie in lies.items():
            digest = await town.asked()
            town.instead = {route: lie}
            assert [each.score for each in await validator.round()] == [0], route
            assert await town.score(digest) == 0
            town.instead = {}
        await town.asked()
        assert [each.score for each in await validator.round()] == [100]


async def test_records_that_a_server_garbles_are_told_and_end_nothing(town: Town) -> None:
    async with town.at_work() as validator:
        memory = validator.auditor.memory
        for salt in ("", "no hex", 7):
            probe: dict[str, Any] = {
                "record_id": "vaas_" + "0" * 32,
                "request": {},
                "response": {},
                "salt": salt,
            }
            memory.probes.append(probe)
        await town.asked()
        town.instead = {"/v1/audit/vaas_": JSONResponse([{"inclusion": "no"}], 404)}
        (answered,) = await validator.round()
        assert 0 < answered.score < 100
        told = orjson.loads(answered.report.read_bytes())["checks"]
        records = [check["valid"] for check in told if check["name"].startswith("record.")]
        assert records == [False] * 3
        assert memory.probes == []


def test_two_validators_do_not_send_with_one_key(
    dev_chain: DevChain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("validator", "http://127.0.0.1:9", "--rpc", dev_chain.rpc_url, "--once")
    with DataDirLock(tmp_path, "batchin validator"):
        status, _, err = run(capsys, *asked, "--folder", str(tmp_path))
    assert (status, "batchin validator" in err, "Traceback" in err) == (1, True, False)


def test_who_is_away_is_told_in_a_sentence(
    dev_chain: DevChain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:9"
    for rpc, sentence in ((dev_chain.rpc_url, "The server does not answer"), (nowhere, "chain")):
        asked = ("validator", nowhere, "--rpc", rpc, "--folder", str(tmp_path), "--once")
        status, _, err = run(capsys, *asked)
        assert (status, sentence in err, "Traceback" in err) == (1, True, False), err
