"""An engine over any OpenAI-compatible server: SGLang, llama.cpp, others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import orjson

from runtime.engine import EngineCall, Event
from runtime.flavours import Flavour
from runtime.http.failure import HttpFailure
from runtime.http.message import Client, Limits
from runtime.http.plain import PlainClient
from runtime.http.tls import TlsClient
from runtime.openai_run import Identify, Run, Server

_PROBE_BYTES: Final = 1_048_576


class OpenAiHttp:
    """Runs calls on the server at ``url``: an origin and perhaps a path, ``/v1`` at its end or not."""

    def __init__(
        self, url: str, flavour: Flavour, identify: Identify, limits: Limits, api_key: str | None = None
    ) -> None:
        parts = urlsplit(url)
        self._client = _client(parts, limits)
        prefix = parts.path.rstrip("/").removesuffix("/v1")
        key = (("Authorization", f"Bearer {api_key}"),) if api_key else ()
        headers = (("Content-Type", "application/json"), *key)
        self._server = Server(self._client, flavour, identify, limits, prefix, headers)
        self._runs: dict[str, Run] = {}
        self._aborts: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Calls that are on the server now."""
        return len(self._runs)

    def run(self, call: EngineCall) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """As ``runtime.engine.Engine`` tells."""
        return Run(self._server, call, self._entered, self._left)

    async def abort(self, rid: str) -> None:
        """End a run; who reads its events gets a Fault."""
        run = self._runs.get(rid)
        if run is not None:
            run.cut()

    async def ready(self) -> bool:
        """Whether the server says that it serves."""
        return await self.get(self._server.flavour.ready_path) is not None

    async def get(self, path: str) -> bytes | None:
        """The body of a 200 answer; None for any other answer or none."""
        request = self._server.request("GET", path)
        try:
            response = await self._client.send(lambda _: request)
            try:
                body = await response.read(_PROBE_BYTES)
            finally:
                response.close()
        except HttpFailure:
            return None
        return body if response.status == 200 else None

    async def aclose(self) -> None:
        """Close every connection; runs that are still on end with a Fault."""
        for task in self._aborts:
            task.cancel()
        await asyncio.gather(*self._aborts, return_exceptions=True)
        await self._client.aclose()

    def _entered(self, run: Run) -> None:
        self._runs[run.call.rid] = run

    def _left(self, run: Run) -> None:
        self._runs.pop(run.call.rid, None)
        order = self._server.flavour.abort(run.rid) if run.was_cut else None
        if order is not None:
            task = asyncio.create_task(self._post(*order))
            self._aborts.add(task)
            task.add_done_callback(self._aborts.discard)

    async def _post(self, path: str, body: Mapping[str, Any]) -> None:
        request = self._server.request("POST", path, orjson.dumps(body))
        with contextlib.suppress(HttpFailure):
            response = await self._client.send(lambda _: request)
            response.finish()


def _client(parts: SplitResult, limits: Limits) -> Client:
    host = parts.hostname or "127.0.0.1"
    if parts.scheme == "https":
        return TlsClient(f"https://{parts.netloc.rpartition('@')[2]}", limits)
    return PlainClient(host, parts.port or 80, limits)
