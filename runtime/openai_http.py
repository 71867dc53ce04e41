"""An engine over any OpenAI-compatible server: SGLang, llama.cpp, others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final
from urllib.parse import SplitResult, urlsplit

from runtime.engine import EngineCall, Event, Modality
from runtime.flavours import Flavour
from runtime.http.failure import HttpFailure
from runtime.http.message import Client, Limits
from runtime.http.plain import PlainClient
from runtime.openai_run import Identify, Run, Server
from runtime.video_run import VideoRun

_OK: Final = 200
_PROBE_BYTES: Final = 1_048_576
_AT_LENGTH: Final = frozenset((Modality.IMAGE, Modality.SPEECH, Modality.TRANSCRIPTION))
"""What is answered whole, after as long as the work takes: silence says nothing before."""


class OpenAiHttp:
    """Runs calls on the server at ``url``: an origin and perhaps a path, ``/v1`` at its end or not."""

    def __init__(
        self,
        url: str,
        flavour: Flavour,
        identify: Identify,
        limits: Limits,
        api_key: str | None = None,
        admin_key: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._client = _client(parts, limits)
        prefix = parts.path.rstrip("/").removesuffix("/v1")
        headers, admin_headers = _headers(api_key), _headers(admin_key or api_key)
        self._server = Server(self._client, flavour, identify, limits, prefix, headers, admin_headers)
        self._runs: dict[str, Run | VideoRun] = {}
        self._heard_s = 0.0
        self._telling = 0

    @property
    def running(self) -> int:
        """Calls that are on the server now."""
        return len(self._runs)

    @property
    def heard_s(self) -> float:
        """When the newest bytes came on what runs, by the loop's clock; 0 before the first."""
        return max((run.heard_s for run in self._runs.values()), default=0.0)

    @property
    def silent_s(self) -> float:
        """How long no byte has come on any run that should say something meanwhile; 0 without one."""
        if not self._telling:
            return 0.0
        return asyncio.get_running_loop().time() - max(self._heard_s, self.heard_s)

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """As ``runtime.engine.Engine`` tells."""
        kind = VideoRun if call.modality is Modality.VIDEO else Run
        return _Counted(kind(self._server, call), self._entered, self._left)

    async def abort(self, rid: str) -> None:
        """End a run; who reads its events gets a Fault."""
        run = self._runs.get(rid)
        if run is not None:
            run.cut()

    async def ready(self) -> bool:
        """Whether the server says that it serves."""
        return await self.serves() is True

    async def serves(self) -> bool | None:
        """Whether the server says that it serves; None when it says nothing at all."""
        answer = await self._ask(self._server.flavour.ready_path)
        return None if answer is None else answer[0] == _OK

    async def get(self, path: str) -> bytes | None:
        """The body of a 200 answer; None for any other answer or none."""
        answer = await self._ask(path)
        return None if answer is None or answer[0] != _OK else answer[1]

    async def aclose(self) -> None:
        """Close every connection; runs that are still on end with a Fault."""
        await self._client.aclose()

    async def _ask(self, path: str) -> tuple[int, bytes] | None:
        """Status and body of an answer, None without one."""
        request = self._server.request("GET", path)
        try:
            response = await self._client.send(lambda _: request)
            try:
                body = await response.read(_PROBE_BYTES)
            finally:
                response.close()
        except HttpFailure:
            return None
        return response.status, body

    def _entered(self, run: Run | VideoRun) -> None:
        if not self._telling and run.call.modality not in _AT_LENGTH:
            self._heard_s = asyncio.get_running_loop().time()
        self._runs[run.call.rid] = run
        self._telling += run.call.modality not in _AT_LENGTH

    def _left(self, run: Run | VideoRun) -> None:
        self._runs.pop(run.call.rid, None)
        self._telling -= run.call.modality not in _AT_LENGTH
        self._heard_s = max(self._heard_s, run.heard_s)


class _Counted:
    """A run, known to the engine from its beginning to its end."""

    def __init__(
        self,
        run: Run | VideoRun,
        entered: Callable[[Run | VideoRun], None],
        left: Callable[[Run | VideoRun], None],
    ) -> None:
        self._run = run
        self._entered = entered
        self._left = left

    async def __aenter__(self) -> AsyncIterator[Event]:
        self._entered(self._run)
        return await self._run.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._run.__aexit__(kind, error, traceback)
        finally:
            self._left(self._run)


def _headers(key: str | None) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {key}"),) if key else ()


def _client(parts: SplitResult, limits: Limits) -> Client:
    host = parts.hostname or "127.0.0.1"
    if parts.scheme == "https":
        from runtime.http.tls import TlsClient  # aiohttp is large, and most engines are near

        return TlsClient(f"https://{parts.netloc.rpartition('@')[2]}", limits)
    return PlainClient(host, parts.port or 80, limits)
