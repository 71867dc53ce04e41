"""One process at a time holds a data dir."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.lock import DataDirError, DataDirLock, DataDirLocked


def test_the_second_holder_is_told_who_holds_it_and_what_to_do(tmp_path: Path) -> None:
    with DataDirLock(tmp_path / "data", "batchin serve"):
        with pytest.raises(DataDirLocked) as told, DataDirLock(tmp_path / "data"):
            pass
        message = str(told.value)
        assert f"batchin serve (process {os.getpid()})" in message
        assert str(tmp_path / "data") in message
        assert "--data-dir" in message


def test_it_is_free_again_after_the_block_and_after_a_failed_try(tmp_path: Path) -> None:
    with DataDirLock(tmp_path), pytest.raises(DataDirLocked), DataDirLock(tmp_path):
        pass
    with DataDirLock(tmp_path):
        pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from storage.lock import DataDirLock\n"
        "with DataDirLock(pathlib.Path(sys.argv[1]), 'child'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == b"held\n"
        with (
            pytest.raises(DataDirLocked, match=f"child \\(process {child.pid}\\)"),
            DataDirLock(tmp_path),
        ):
            pass
        child.kill()
        child.wait()
    with DataDirLock(tmp_path):
        pass


def test_the_data_dir_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataDirLock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_path_that_is_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="can't be used"), DataDirLock(tmp_path / "file"):
        pass
