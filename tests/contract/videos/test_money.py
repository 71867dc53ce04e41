"""Videos bought by x402: paid upfront, and given back as credit when the engine fails."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from eth_account import Account

from base.money import nano_from_atomic
from server.demo.wallet import Wallet
from settlement.chain.devnet import NETWORK, USDC
from settlement.chain.funding import fund
from tests.chains import Payer
from tests.contract.mcp.test_tasks import META
from tests.contract.videos.conftest import ASKED, SECOND_NANO_USD, Studio, ended, until
from tests.contract.videos.test_mcp import called, over
from tests.contract.x402.shop import Shop, decoded
from tests.fake_sglang.kind import Faults

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/videos"
COST_NANO_USD = 2 * SECOND_NANO_USD


@pytest_asyncio.fixture(loop_scope="session")
async def shop(studio: Studio) -> Shop:
    payer = Payer(Account.create())
    await fund(studio.server.rpc_url, payer.address, 1_000_000)
    return Shop(studio.watched, payer, Wallet(payer.account, NETWORK, USDC, 100_000))


async def bought(shop: Shop) -> tuple[dict[str, Any], httpx.AsyncClient, int]:
    """A paid video, a client that holds its access token, and what was paid."""
    payment = await shop.sign(PATH, ASKED)
    answer = await shop.pay(PATH, ASKED, payment)
    assert answer.status_code == 200, answer.text
    assert decoded(answer.headers["payment-response"])["success"] is True
    token = answer.headers["x-batchin-access-token"]
    paid = nano_from_atomic(int(payment["accepted"]["amount"]))
    return answer.json(), shop.client(headers={"Authorization": f"Bearer {token}"}), paid


def credit(shop: Shop) -> tuple[int, int]:
    """What the wallet has and what of it is held."""
    query = "SELECT posted, held FROM account WHERE lower(id) LIKE ?"
    ((posted, held),) = shop.watched.rows(query, f"wallet:%{shop.payer.address.lower()}")
    return posted, held


async def settled(shop: Shop) -> tuple[int, int]:
    """Once the hold of the video has ended."""
    await until(lambda: credit(shop)[1] == 0)
    return credit(shop)


async def test_a_paid_video_is_charged_once(shop: Shop) -> None:
    challenge = await shop.challenge(PATH, ASKED)
    assert nano_from_atomic(int(challenge["accepts"][0]["amount"])) == COST_NANO_USD
    shown, client, paid = await bought(shop)
    async with client:
        video = await ended(client, shown["id"])
        assert (video["status"], video["cost_usd"]) == ("completed", "0.02")
        file = await client.get(f"{PATH}/{shown['id']}/content")
        assert (file.status_code, file.content[4:8]) == (200, b"ftyp")
    assert await settled(shop) == (paid - COST_NANO_USD, 0)
    async with shop.client() as nobody:
        assert (await nobody.get(f"{PATH}/{shown['id']}")).status_code == 401


async def test_what_no_engine_makes_is_given_back(shop: Shop, studio: Studio) -> None:
    studio.fake.faults = Faults(video_fault="fail")
    shown, client, paid = await bought(shop)
    async with client:
        video = await ended(client, shown["id"])
        assert (video["status"], video["cost_usd"]) == ("failed", "0.00")
        assert await settled(shop) == (paid, 0)
        studio.fake.faults = Faults()
        assert (await client.post(PATH, json=ASKED)).status_code == 402  # it spends no credit
    signed_in = {"Authorization": f"Bearer {await shop.wallet_token()}"}
    async with shop.client(headers=signed_in) as client:
        again = await client.post(PATH, json=ASKED)  # bought with the credit of the first
        assert again.status_code == 200, again.text
        assert (await ended(client, again.json()["id"]))["status"] == "completed"
    assert await settled(shop) == (paid - COST_NANO_USD, 0)


async def test_the_same_payment_again_gets_the_same_video(shop: Shop) -> None:
    payment = await shop.sign(PATH, ASKED)
    first, again = await shop.pay(PATH, ASKED, payment), await shop.pay(PATH, ASKED, payment)
    assert first.json()["id"] == again.json()["id"]
    token = first.headers["x-batchin-access-token"]
    async with shop.client(headers={"Authorization": f"Bearer {token}"}) as client:
        await ended(client, first.json()["id"])
    other = await shop.pay(PATH, ASKED | {"seed": 8}, payment)
    assert other.status_code in (402, 409)


async def test_the_token_of_a_video_opens_that_video_alone(shop: Shop) -> None:
    (first, client, _), (second, other, _) = await bought(shop), await bought(shop)
    async with client, other:
        for opens, shown, foreign in ((client, first, second), (other, second, first)):
            await ended(opens, shown["id"])
            own, theirs = f"{PATH}/{shown['id']}", f"{PATH}/{foreign['id']}"
            file, alien = (urlsplit(video["output_url"]).path for video in (shown, foreign))
            for path in (own, f"{own}/content", file, file.removesuffix("/content")):
                assert (await opens.get(path)).status_code == 200, path
            for path in (theirs, f"{theirs}/content", alien, alien.removesuffix("/content")):
                assert (await opens.get(path)).status_code == 404, path
            assert (await opens.get(PATH)).status_code == 401
            seen = await called(opens, "video_get", META, id=shown["id"])
            assert seen["structuredContent"]["id"] == shown["id"]
            for tool in ("video_get", "video_cancel"):
                refused = await called(opens, tool, META, id=foreign["id"])
                assert refused["structuredContent"]["error"]["code"] == "not_found"
        for path in (f"{PATH}/{second['id']}", urlsplit(second["output_url"]).path[:-8]):
            assert (await client.delete(path)).status_code == 404
        assert (await client.delete(f"{PATH}/{first['id']}")).status_code == 200
        assert (await client.get(f"{PATH}/{first['id']}")).status_code == 404


async def test_a_task_over_mcp_is_paid_upfront_and_followed(shop: Shop, studio: Studio) -> None:
    async with studio.client() as nobody:
        challenge = (await called(nobody, "video", META, **ASKED))["structuredContent"]
        paid = {**META, "x402/payment": await shop.wallet.pay(challenge)}
        handle = await called(nobody, "video", paid, **ASKED)
        assert handle["resultType"] == "task", handle
        ended_task = await over(nobody, handle["taskId"])
        result = ended_task["result"]
        assert (ended_task["status"], result["isError"]) == ("completed", False)
        assert result["_meta"]["x402/payment-response"]["success"] is True
        token = {"Authorization": f"Bearer {result['_meta']['batchin/access_token']}"}
        url = result["structuredContent"]["output_url"]
        assert (await nobody.get(url)).status_code == 401
        assert (await nobody.get(url, headers=token)).content[4:8] == b"ftyp"
