"""What a killed process left of its uploads goes; what is in use, young or something else stays."""

import os
import subprocess
import sys
from pathlib import Path

from base.upload import Upload, UploadWriter, sweep_uploads

KILLED = """
import os, signal
from base.upload import Upload
kept = Upload.of(b"abc")
print(kept.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def old(path: Path) -> Path:
    os.utime(path, (1, 1))
    return path


def test_only_what_nobody_needs_goes(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", KILLED], env=env, capture_output=True, text=True, check=False
    )
    left = old(Path(told.stdout.strip()))
    assert left.read_bytes() == b"abc"
    other = old(_written(tmp_path / "other", b"not ours"))
    os.mkfifo(tmp_path / "batchin-upload-fifo")
    (tmp_path / "batchin-upload-link").symlink_to(other)
    young = _written(tmp_path / "batchin-upload-young", b"")
    os.utime(young, (2**31, 2**31))
    assert sweep_uploads(tmp_path) == 1
    assert not left.exists()
    assert other.exists()
    assert young.exists()


def test_an_upload_in_use_stays_until_it_is_let_go() -> None:
    writer = UploadWriter()
    writer.write(b"abc")
    upload: Upload | None = writer.end()
    assert upload is not None
    path = old(upload.path)
    del writer
    sweep_uploads()
    assert path.read_bytes() == b"abc"
    upload = None
    assert not path.exists()


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
