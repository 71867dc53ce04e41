"""The child process of a launched SGLang, run by SGLang's own interpreter: imports nothing of ours.

Host, port and keys are put into ``sys.argv`` here, so that no list of processes shows a key.
"""

import http.client
import os
import runpy
import socket
import sys
import threading
from importlib import metadata
from typing import Any, Final

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.1


def main(parent: Any) -> None:
    """Serve with the arguments and keys that the parent names, and tell the port once it is ready."""
    request = parent.request
    port = _free_port()
    sys.argv = [
        "sglang.launch_server",
        *request["arguments"],
        *("--host", _HOST, "--port", str(port)),
        *("--api-key", request["key"], "--admin-api-key", request["admin_key"]),
    ]
    threading.Thread(target=_tell_ready, args=(parent, port), name="ready", daemon=True).start()
    runpy.run_module("sglang.launch_server", run_name="__main__", alter_sys=True)
    os._exit(0)  # its threads may outlive it


def _free_port() -> int:
    """Somebody else may take it meanwhile: then the start fails and is tried again with another."""
    with socket.socket() as sock:
        sock.bind((_HOST, 0))
        return int(sock.getsockname()[1])


def _tell_ready(parent: Any, port: int) -> None:
    while not _is_ready(port):
        threading.Event().wait(_POLL_S)
    parent.ready(url=f"http://{_HOST}:{port}", version=metadata.version("sglang"))


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
