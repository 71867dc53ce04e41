"""A server becomes an agent of ERC-8004 once, whatever is run again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settlement.agent.agent import find
from settlement.agent.registration import NotRegistered
from settlement.agent.registry import same
from settlement.chain.devchain import DevChain
from settlement.chain.erc8004 import identity, keeper
from settlement.chain.errors import RpcRefused
from settlement.chain.funding import fund_gas
from storage.op import Key, Op
from tests.unit.settlement.agent.site import URI, Site, new_signer, site


@pytest.fixture
async def place(dev_chain: DevChain, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(dev_chain, tmp_path) as made:
        yield made


async def test_registering_makes_an_agent_that_points_at_its_file(place: Site) -> None:
    agent = await place.registrar().register()
    assert await place.reader.owner(agent.number) == place.owner.address
    assert await place.reader.uri(agent.number) == URI
    assert same(await place.reader.approved(agent.number), place.place.keeper)
    assert await place.reader.writer(agent.number) == place.writer.address
    assert agent.registry_name == f"eip155:31337:{place.place.registries.identity}"
    assert await find(place.store, place.place) == agent


async def test_registering_again_sends_nothing(place: Site) -> None:
    first = await place.registrar().register()
    nonce = await place.client.nonce(place.owner.address)
    assert await place.registrar().register() == first
    assert await place.client.nonce(place.owner.address) == nonce


async def test_an_agent_whose_books_lost_it_is_found_again(place: Site) -> None:
    """It died after the block and before the row."""
    first = await place.registrar().register()
    await place.store.commit(_forget(place))
    assert await find(place.store, place.place) is None
    again = await place.registrar().register()
    assert (again.agent_id, again.transaction) == (first.agent_id, first.transaction)


async def test_a_moved_server_points_its_agent_at_the_new_file(place: Site) -> None:
    agent = await place.registrar().register()
    moved = "https://elsewhere.example/.well-known/agent-registration.json"
    await place.registrar(moved).register()
    assert await place.reader.uri(agent.number) == moved
    await place.registrar(URI).register()
    assert await place.reader.uri(agent.number) == URI


async def test_the_wallet_consents_and_becomes_the_agents(place: Site) -> None:
    with pytest.raises(NotRegistered):
        await place.registrar().set_wallet(new_signer())
    agent = await place.registrar().register()
    wallet = new_signer()
    before = await place.client.height()
    assert await place.registrar().set_wallet(wallet) == wallet.address
    assert await place.reader.wallet(agent.number) == wallet.address
    assert await place.reader.wallet(agent.number, before) == place.owner.address
    nonce = await place.client.nonce(place.owner.address)
    await place.registrar().set_wallet(wallet)
    assert await place.client.nonce(place.owner.address) == nonce


async def test_the_anchor_key_can_do_nothing_else(place: Site, dev_chain: DevChain) -> None:
    agent = await place.registrar().register()
    registry, number = place.place.registries.identity, agent.number
    thief = new_signer()
    await fund_gas(dev_chain.rpc_url, thief.address)
    for sender, to, data in (
        (place.writer.address, registry, identity.APPROVE.call(thief.address, number)),
        (place.writer.address, registry, identity.SET_METADATA.call(number, "x", b"y")),
        (place.writer.address, registry, identity.SET_AGENT_URI.call(number, "https://thief")),
        (thief.address, place.place.keeper, keeper.ANCHOR.call(registry, number, bytes(32))),
        (thief.address, place.place.keeper, keeper.APPOINT.call(registry, number, thief.address)),
    ):
        with pytest.raises(RpcRefused):
            await place.client.estimate_gas(sender, to, data)


def _forget(place: Site) -> Op:
    key = Key("agent", (place.place.genesis, place.place.registries.identity))
    return Op((key,), lambda rows: rows.delete(key))
