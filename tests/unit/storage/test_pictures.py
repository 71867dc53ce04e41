"""Pictures under links: only the link opens them, and they expire."""

from pathlib import Path

from storage.pictures import PictureFolder
from tests.clocks import HandClock

PNG = b"\x89PNG" + bytes(range(256)) * 8


async def test_the_name_opens_the_picture(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path / "images", 60, HandClock())
    name = await pictures.save(PNG)
    assert len(name) == 32
    assert await pictures.read(name) == PNG


async def test_another_name_opens_nothing(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path / "images", 60, HandClock())
    name = await pictures.save(PNG)
    for other in (name[:-1], name.swapcase(), "", "../" + name, "x" * 5000):
        assert await pictures.read(other) is None


async def test_two_pictures_have_two_names(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path, 60, HandClock())
    assert await pictures.save(PNG) != await pictures.save(PNG)


async def test_the_folder_alone_tells_nothing(tmp_path: Path) -> None:
    name = await PictureFolder(tmp_path / "images", 60, HandClock()).save(PNG)
    (file,) = _files(tmp_path / "images")
    assert name not in file.name
    assert PNG[:64] not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


async def test_a_picture_outlives_a_restart_until_it_expires(tmp_path: Path) -> None:
    clock = HandClock()
    name = await PictureFolder(tmp_path, 60, clock).save(PNG)
    clock.advance_s(59)
    assert await PictureFolder(tmp_path, 60, clock).read(name) == PNG
    clock.advance_s(2)
    assert await PictureFolder(tmp_path, 60, clock).read(name) is None


async def test_what_expired_is_removed_by_the_next_save(tmp_path: Path) -> None:
    clock = HandClock()
    pictures = PictureFolder(tmp_path, 60, clock)
    await pictures.save(PNG)
    clock.advance_s(61)
    kept = await pictures.save(PNG)
    assert len(_files(tmp_path)) == 1
    assert await pictures.read(kept) == PNG


async def test_a_damaged_file_is_no_picture(tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path, 60, HandClock())
    name = await pictures.save(PNG)
    _cut(tmp_path)
    assert await pictures.read(name) is None


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _cut(folder: Path) -> None:
    for file in _files(folder):
        file.write_bytes(file.read_bytes()[:-1])
