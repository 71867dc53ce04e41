"""Files: kept sealed, read from any place, the owner's alone, within limits, gone when they should."""

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.errors import NotFound, PayloadTooLarge, ServiceUnavailable
from base.sealing import PIECE_BYTES, Sealer, Unsealable
from settlement.idempotency.book import KeyBook
from storage.sqlite import SqliteStore
from tests.clocks import HandClock
from tests.stores import fresh_store
from tools.files import ops
from tools.files.file import File
from tools.files.files import Files, Limits
from tools.files.form import clean_name
from tools.files.objects import DiskObjects, DiskWriter
from tools.files.sealed import SealedWriter, read_sealed
from tools.files.tables import TABLES

LIMITS = Limits(file_bytes=4_000_000, space=ops.Space(files=3, bytes=5_000_000), life_s=86_400)
SECRET = b"s" * 32


@asynccontextmanager
async def opened(
    folder: Path, clock: HandClock, objects: DiskObjects | None = None
) -> AsyncIterator[tuple[Files, SqliteStore]]:
    async with fresh_store(folder, TABLES) as store:
        kept, sealer = objects or DiskObjects(folder / "objects"), Sealer(SECRET)
        yield Files(store, kept, sealer, clock, LIMITS, KeyBook(store, sealer, clock, 60)), store


async def put(files: Files, data: bytes, account: str = "acct_a", name: str = "a.jsonl") -> File:
    async with files.upload(account) as upload:
        for start in range(0, len(data), 50_000):
            await upload.write(data[start : start + 50_000])
        return await upload.finish(name, "batch")


async def got(files: Files, file: File, start: int = 0, end: int | None = None) -> bytes:
    whole = file.size if end is None else end
    return b"".join([part async for part in files.content(file, start, whole)])


def on_disk(folder: Path) -> list[Path]:
    return [path for path in (folder / "objects").rglob("*") if path.is_file()]


async def test_a_file_is_read_back_and_its_bytes_on_disk_tell_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, HandClock()) as (files, _):
        data = b"canary in the coal mine\n" * 100_000
        file = await put(files, data)
        found = await files.get("acct_a", file.id)
        assert found == file
        assert await got(files, found) == data
        (path,) = on_disk(tmp_path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert b"canary" not in path.read_bytes()
        shown = found.shown()
        assert shown["bytes"] == len(data)
        assert shown["expires_at"] - shown["created_at"] == LIMITS.life_s


async def test_for_others_it_is_not_there(tmp_path: Path) -> None:
    async with opened(tmp_path, HandClock()) as (files, _):
        file = await put(files, b"mine")
        with pytest.raises(NotFound):
            await files.get("acct_b", file.id)
        with pytest.raises(NotFound):
            await files.delete("acct_b", file.id)
        page = await files.page("acct_b", purpose=None, after=None, limit=10, newest_first=True)
        assert page.files == []
        assert await got(files, await files.get("acct_a", file.id)) == b"mine"


async def test_pages_go_through_all_files_once(tmp_path: Path) -> None:
    async with opened(tmp_path, HandClock()) as (files, _):
        made = [(await put(files, bytes([number]))).id for number in range(3)]
        for newest_first in (True, False):
            seen: list[str] = []
            after = None
            while True:
                page = await files.page(
                    "acct_a", purpose="batch", after=after, limit=2, newest_first=newest_first
                )
                seen += [file.id for file in page.files]
                after = page.shown()["last_id"]
                if not page.has_more:
                    break
            assert seen == (made[::-1] if newest_first else made)


async def test_limits_hold_and_a_deleted_file_makes_room(tmp_path: Path) -> None:
    async with opened(tmp_path, HandClock()) as (files, _):
        first = await put(files, b"x" * 3_000_000)
        with pytest.raises(PayloadTooLarge, match="at most 5000000 bytes"):
            await put(files, b"x" * 3_000_000)
        with pytest.raises(PayloadTooLarge, match="larger than 4000000 bytes"):
            await put(files, b"x" * 4_000_001)
        await put(files, b"")
        await put(files, b"")
        with pytest.raises(PayloadTooLarge, match="at most 3 files"):
            await put(files, b"")
        assert len(on_disk(tmp_path)) == 3
        await files.delete("acct_a", first.id)
        assert len(on_disk(tmp_path)) == 2
        await put(files, b"x" * 3_000_000, "acct_b")
        await put(files, b"x" * 3_000_000)


async def test_uploads_that_run_at_once_share_the_limit(tmp_path: Path) -> None:
    async with opened(tmp_path, HandClock()) as (files, _):
        async with files.upload("acct_a") as one, files.upload("acct_a") as two:
            await one.write(b"x" * 3_000_000)
            with pytest.raises(PayloadTooLarge):
                await two.write(b"x" * 3_000_000)
        assert on_disk(tmp_path) == []
        await put(files, b"x" * 3_000_000)


async def test_it_expires_and_is_swept(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path, clock) as (files, _):
        file = await put(files, b"short life")
        clock.advance_s(LIMITS.life_s)
        with pytest.raises(NotFound):
            await files.get("acct_a", file.id)
        assert await files.sweep() == 1
        assert on_disk(tmp_path) == []
        with pytest.raises(FileNotFoundError):
            await got(files, file)


async def test_a_file_that_a_job_reads_keeps_its_bytes_until_the_job_ends(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path, clock) as (files, store):
        file = await put(files, b"input of a job")
        await store.commit(ops.pin(file.id, "acct_a", clock.now_ms()))
        await files.delete("acct_a", file.id)
        with pytest.raises(NotFound):
            await files.get("acct_a", file.id)
        assert await files.sweep() == 0
        assert await got(files, file) == b"input of a job"
        await store.commit(ops.unpin(file.id))
        assert await files.sweep() == 1
        assert on_disk(tmp_path) == []


async def test_strays_of_a_crash_are_removed_and_files_stay(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path, clock) as (files, _):
        file = await put(files, b"kept")
        await _stray(files)
        cut = await DiskObjects(tmp_path / "objects").create()
        await cut.write(b"cut")
        assert len(on_disk(tmp_path)) == 3
        assert await files.sweep_strays(0.0) == 0
        assert await files.sweep_strays(4e9) == 1
        assert len(on_disk(tmp_path)) == 1
        assert await got(files, file) == b"kept"


async def test_a_full_disk_fails_the_upload_and_nothing_else(tmp_path: Path) -> None:
    class Full(DiskWriter):
        async def write(self, data: bytes) -> None:
            if len(data) > PIECE_BYTES * 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            await super().write(data)

    class FullObjects(DiskObjects):
        async def create(self) -> DiskWriter:
            return Full(tmp_path / "objects")

    async with opened(tmp_path, HandClock(), FullObjects(tmp_path / "objects")) as (files, _):
        with pytest.raises(ServiceUnavailable) as caught:
            await put(files, b"x" * 3_000_000)
        assert str(tmp_path) not in caught.value.message
        assert on_disk(tmp_path) == []
        assert await got(files, await put(files, b"small")) == b"small"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from((0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 17 * PIECE_BYTES + 5)),
    step=st.integers(1000, 400_000),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
async def test_any_range_of_any_size(
    tmp_path: Path, size: int, step: int, ends: tuple[float, float]
) -> None:
    data = bytes(number % 251 for number in range(size))
    objects, pieces = DiskObjects(tmp_path / "o"), Sealer(SECRET).pieces(b"salt")
    writer = SealedWriter(await objects.create(), pieces)
    for at in range(0, size, step):
        await writer.write(data[at : at + step])
    name = await writer.finish()
    start, end = sorted(int(edge * size) for edge in ends)
    read = read_sealed(objects, name, pieces, size, start, end)
    assert b"".join([part async for part in read]) == data[start:end]


async def test_a_changed_cut_or_moved_piece_is_noticed(tmp_path: Path) -> None:
    objects, pieces = DiskObjects(tmp_path / "o"), Sealer(SECRET).pieces(b"salt")
    writer = SealedWriter(await objects.create(), pieces)
    await writer.write(b"a" * PIECE_BYTES + b"b" * PIECE_BYTES + b"c" * 10)
    name = await writer.finish()
    (path,) = [path for path in (tmp_path / "o").rglob("*") if path.is_file()]
    sealed = path.read_bytes()
    box = PIECE_BYTES + 16
    size = 2 * PIECE_BYTES + 10
    swapped = sealed[box : 2 * box] + sealed[:box] + sealed[2 * box :]
    flipped = sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:]
    for damaged in (swapped, flipped, sealed[: 2 * box], sealed[:-1], b""):
        path.write_bytes(damaged)
        with pytest.raises(Unsealable):
            async for _ in read_sealed(objects, name, pieces, size, 0, size):
                pass


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\in.jsonl", "in.jsonl"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", "file"),
        ("", "file"),
        ("é" * 400, "é" * 255),
    ],
)
def test_names_of_files(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


async def _stray(files: Files) -> str:
    """An object whose row never came: a crash between the two."""
    async with files.upload("acct_c") as upload:
        await upload.write(b"stray")
        return (await upload.written("stray", "batch")).object
