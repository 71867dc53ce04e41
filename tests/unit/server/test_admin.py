"""The admin socket with real accounts and keys behind it."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from base.clock import SystemClock
from base.errors import Unauthorized
from server.admin import SOCKET, AdminClient, AdminServer, NoServer
from server.books import Books
from server.operations import NoArguments, Operation, OperationFailed, Operations
from server.socket_path import short_path
from settlement.ledger.accounts import Accounts
from settlement.ledger.keys import Keys
from settlement.ledger.tables import TABLES
from tests.stores import fresh_store

PEPPER = bytes(range(32))


async def _info(_: NoArguments) -> dict[str, str]:
    return {"url": "http://127.0.0.1:1"}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Operations, Keys]]:
    async with fresh_store(folder, TABLES) as store:
        clock = SystemClock()
        keys = Keys(store, clock, PEPPER)
        await keys.load()
        books = Books(Accounts(store, clock), keys, clock)
        info = {"info": Operation(NoArguments, _info)}
        yield Operations({**books.operations(), **info}), keys


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[AdminClient, Keys]]:
    async with opened(folder) as (operations, keys), AdminServer(folder, operations):
        yield AdminClient(folder), keys


async def test_an_account_is_made_credited_once_and_its_key_opens_the_door(tmp_path: Path) -> None:
    async with serving(tmp_path) as (admin, keys):
        account = await admin.call("accounts.create", name="shop", email="shop@example.com")
        for credited in (True, False):
            answer = await admin.call(
                "accounts.credit", account="shop", amount_nano_usd=7, reference="invoice-1"
            )
            assert answer["credited"] is credited
            assert answer["balance_nano_usd"] == 7
        made = await admin.call("keys.create", name="first", monthly_budget_nano_usd=5, days=1)
        assert keys.authenticate(made["key"]).account_id == account["id"]

        listed = await admin.call("keys.list", account=account["id"])
        assert [key["id"] for key in listed] == [made["id"]]
        assert listed[0]["state"] == "active"
        assert listed[0]["monthly_budget_nano_usd"] == 5
        assert made["key"] not in str(listed)

        revoked = await admin.call("keys.revoke", key_id=made["id"])
        assert revoked["state"] == "revoked"
        with pytest.raises(Unauthorized):
            keys.authenticate(made["key"])


async def test_the_books_answer_the_same_with_and_without_a_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as (admin, _):
        await admin.call("accounts.create", name="shop")
        await admin.call("accounts.credit", account="shop", amount_nano_usd=10**9, reference="r")
        await admin.call("keys.create", account="shop")
        online = [await admin.call(name) for name in ("accounts.list", "keys.list")]
    async with opened(tmp_path) as (operations, _):
        offline = [await operations.call(name) for name in ("accounts.list", "keys.list")]
    assert online == offline
    assert len(online[0]) == len(online[1]) == 1


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("keys.steal", {}, "not_found"),
        ("accounts.create", {}, "invalid_request"),
        ("accounts.create", {"name": "x", "colour": "red"}, "invalid_request"),
        ("accounts.credit", {"account": "x", "amount_nano_usd": 0, "reference": ""}, "invalid_request"),
        ("accounts.credit", {"account": "x", "amount_nano_usd": 1, "reference": "r"}, "not_found"),
        ("keys.create", {}, "not_found"),
        ("keys.revoke", {"key_id": "nobody's"}, "not_found"),
    ],
)
async def test_what_can_not_be_done_is_told(
    tmp_path: Path, operation: str, arguments: dict[str, object], code: str
) -> None:
    async with serving(tmp_path) as (admin, _):
        with pytest.raises(OperationFailed) as failed:
            await admin.call(operation, **arguments)
        assert failed.value.said_code == code
        assert failed.value.resolution
        assert await admin.info() == {"url": "http://127.0.0.1:1"}


async def test_a_name_that_several_accounts_bear_is_not_guessed(tmp_path: Path) -> None:
    async with serving(tmp_path) as (admin, _):
        for _ in range(2):
            await admin.call("accounts.create", name="twin")
        for arguments in ({}, {"account": "twin"}):
            with pytest.raises(OperationFailed, match="2 accounts fit"):
                await admin.call("keys.create", **arguments)


def sockets(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_socket()]


async def test_the_socket_is_for_its_owner_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path):
        mode = (tmp_path / SOCKET).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not (tmp_path / SOCKET).exists()
    assert sockets(tmp_path) == []
    with pytest.raises(NoServer):
        await AdminClient(tmp_path).info()


async def test_a_socket_left_by_a_dead_server_is_no_server_and_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path):
        os.link(tmp_path / SOCKET, tmp_path / "kept")
    (tmp_path / "kept").rename(tmp_path / SOCKET)
    with pytest.raises(NoServer):
        await AdminClient(tmp_path).info()
    async with serving(tmp_path) as (admin, _):
        assert await admin.info()


def deep(folder: Path) -> Path:
    below = folder.joinpath(*["deep" * 10] * 5)
    below.mkdir(parents=True)
    return below


async def test_a_data_dir_deeper_than_socket_paths_can_be(tmp_path: Path) -> None:
    folder = deep(tmp_path)
    async with serving(folder) as (admin, _):
        assert await admin.info()


def test_a_short_path_leaves_nothing_behind(tmp_path: Path) -> None:
    path = deep(tmp_path) / "file"
    with short_path(path) as short:
        assert len(os.fsencode(short)) <= 100
        Path(short).write_text("here")
    assert path.read_text() == "here"
    assert not Path(short).parent.parent.exists()


async def test_before_it_is_ready_every_operation_is_refused(tmp_path: Path) -> None:
    ready = asyncio.Event()
    operations = Operations({"info": Operation(NoArguments, _info)}, ready.is_set)
    async with AdminServer(tmp_path, operations):
        admin = AdminClient(tmp_path)
        with pytest.raises(OperationFailed) as failed:
            await admin.info()
        assert failed.value.said_code == "service_unavailable"
        ready.set()
        assert await admin.info()


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'{"operation": 1, "arguments": {}}\n', b"\xff\xfe\n"])
async def test_nonsense_on_the_socket_is_answered_and_harms_nobody(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path) as (admin, _):
        with short_path(tmp_path / SOCKET) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        assert b"invalid_request" in await reader.read()
        writer.close()
        assert await admin.info()


async def test_a_silent_client_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with short_path(tmp_path / SOCKET) as path:
            reader, writer = await asyncio.open_unix_connection(path)
    async with asyncio.timeout(60):
        assert await _rest(reader) == b""
    writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def test_a_fault_of_ours_tells_nothing_of_its_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: NoArguments) -> None:
        raise RuntimeError("the secret")

    async with AdminServer(tmp_path, Operations({"info": Operation(NoArguments, fail)})):
        with pytest.raises(OperationFailed) as failed:
            await AdminClient(tmp_path).info()
    assert failed.value.said_code == "internal_error"
    assert "secret" not in failed.value.message
    assert "An admin operation failed." in caplog.text
