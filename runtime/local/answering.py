"""The child's side of a local engine: answers questions on a Unix socket, each in its own thread."""

import contextlib
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from runtime.local.frames import END, Frame, packed, read

_log = logging.getLogger("batchin.child")
_FAULT: Final[Mapping[str, Any]] = {"event": "fault", "kind": "internal"}


class Unusable(ValueError):
    """What was sent can't be worked on; the message says why, and is shown to the caller."""


class Asker:
    """The other end of one question."""

    def __init__(self) -> None:
        self._gone = threading.Event()
        self._then: Callable[[], None] | None = None

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def when_gone(self, then: Callable[[], None]) -> None:
        """Have ``then`` called, from another thread, when the answer is no longer wanted."""
        self._then = then
        if self.gone:
            then()

    def left(self) -> None:
        self._gone.set()
        if self._then is not None:
            self._then()


Answer = Callable[[Mapping[str, Any], bytes, Asker], Iterator[Frame]]


def answer_at(path: str, answer: Answer) -> socketserver.BaseServer:
    """A server at that path whose ``serve_forever`` answers every question by ``answer``. An Unusable
    of it becomes a fault of the kind ``invalid``, anything else one of the kind ``internal``."""

    Path(path).unlink(missing_ok=True)  # of a child that died

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _answer_one(self.connection, cast("BinaryIO", self.rfile), answer)

    return _Server(path, Handler)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def _answer_one(connection: socket.socket, stream: BinaryIO, answer: Answer) -> None:
    try:
        head, payload = read(stream)
    except EOFError:
        return
    asker = Asker()
    threading.Thread(target=_watch, args=(connection, asker), daemon=True).start()
    try:
        for said, data in answer(head, payload, asker):
            connection.sendall(packed(said, data))
        connection.sendall(packed(END))
    except OSError:
        return
    except Unusable as error:
        _say(connection, {"event": "fault", "kind": "invalid", "detail": str(error)})
    except Exception:  # noqa: BLE001 - whatever a library raises, the parent is told of a fault
        if not asker.gone:
            _log.exception("a call failed")
            _say(connection, _FAULT)


def _watch(connection: socket.socket, asker: Asker) -> None:
    """An asker sends nothing after its question: what ends here is its interest."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    asker.left()


def _say(connection: socket.socket, head: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(packed(head))
