"""A file that came with a request."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of a file and their ``sha256:<hex>``, which stands for them in hashes of requests."""

    data: bytes = field(repr=False)
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> "Upload":
        """Hashes the bytes: large ones off the event loop."""
        return cls(data, "sha256:" + hashlib.sha256(data).hexdigest())
