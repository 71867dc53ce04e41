"""The child process that measures sound for engines elsewhere: FFmpeg behind a Unix socket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from base.parent import attach
from runtime.local.answering import Asker, answer_at
from runtime.local.decoder import measured_ms
from runtime.local.frames import Frame


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures up to ``most_s`` seconds."""

    most_s: float

    def answer(self, asked: Mapping[str, Any], _: bytes, asker: Asker) -> Iterator[Frame]:
        yield {"event": "measured", "audio_ms": measured_ms(asked["path"], self.most_s)}, b""


def main() -> None:
    """Answer at the socket that the parent names, and say so."""
    parent = attach()
    server = answer_at(parent.request["socket"], Meter(parent.request["most_s"]).answer)
    parent.ready()
    server.serve_forever()


if __name__ == "__main__":
    main()
