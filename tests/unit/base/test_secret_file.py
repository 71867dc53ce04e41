"""Key files: made once, private, and never silently replaced."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from base.secret_file import KeyFileError, file_secret


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pepper"
    secret = file_secret(path)
    assert len(secret) == 32
    assert file_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert file_secret(tmp_path / "keys" / "other") != secret
    assert {file.name for file in path.parent.iterdir()} == {"pepper", "other"}


def test_all_who_start_at_once_get_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "pepper"
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(file_secret, [path] * 64))
    assert len(secrets) == 1


@pytest.mark.parametrize("content", ["", "ab" * 31, "ab" * 33, "zz" * 32, "é" * 32])
def test_a_file_that_is_no_key_is_named_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pepper"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="restore it from a backup") as caught:
        file_secret(path)
    assert str(path) in str(caught.value)
    assert path.read_text(encoding="utf-8") == content


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pepper"
    file_secret(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        file_secret(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="can't be used"):
        file_secret(tmp_path / "file" / "pepper")
