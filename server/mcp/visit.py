"""The HTTP request that carries an MCP message: who sent it and with which headers."""

from dataclasses import dataclass

from base.caller import ANONYMOUS, Caller
from server.web.request import Head

SCOPE_KEY = "batchin.mcp.visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """Made by the door before the message is read. ``session`` is the id that a handshake-era client
    was given: it names that client's requests when one of them is to be cancelled, nothing else."""

    head: Head
    caller: Caller
    body: bytes
    session: str | None


IN_PROCESS = Visit(Head({}), ANONYMOUS, b"", None)
