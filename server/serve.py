"""Serve until told to stop: bind first, announce when ready, drain on SIGTERM."""

import asyncio
import gc
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from base.settings import Settings, SettingsError
from server.app import Server, compose
from server.guard import guarded
from server.log import set_up_logging

_BACKLOG = 2048
_CUT_S = 10.0


def serve(settings: Settings, announce: Callable[[Server], None]) -> None:
    """Run the server; returns after a clean shutdown.

    ``announce`` is called once, when calls are served. Raises SettingsError when the address can't be
    bound, and what composition raises (a locked data dir, a dev chain that does not start).
    """
    listener = _bind(settings.host, settings.port)
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(settings, listener, announce))


async def _serve(
    settings: Settings, listener: socket.socket, announce: Callable[[Server], None]
) -> None:
    calls = set_up_logging(settings.log_level, settings.log_format)
    port = int(listener.getsockname()[1])
    try:
        async with compose(settings, port, calls) as server:
            web = web_config(settings, server.asgi)
            await _Uvicorn(web, server, announce).serve(sockets=[listener])
            await server.drain()
    finally:
        listener.close()
        calls.flush()


def web_config(settings: Settings, asgi: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves. It counts no connections (``limit_concurrency``): it would refuse them as
    plain text, where our own refusals are the documented JSON and know what waits."""
    return uvicorn.Config(
        asgi,
        http=guarded(settings.header_timeout_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=int(settings.idle_timeout_s),
        timeout_graceful_shutdown=int(settings.drain_s),
    )


class _Uvicorn(uvicorn.Server):
    """uvicorn, with a word when it listens and readiness withdrawn when it is told to stop."""

    def __init__(
        self, config: uvicorn.Config, server: Server, announce: Callable[[Server], None]
    ) -> None:
        super().__init__(config)
        self._served = server
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _calm_collector()
            self._served.readiness.open()
            self._announce(self._served)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain; what is open after that, or at the second signal, is cut and then charged."""
        await super().shutdown(sockets)
        cut = tuple(self.server_state.tasks)
        if self.force_exit:  # uvicorn cuts them when their time is over, and leaves them here
            for task in cut:
                task.cancel()
        if cut:
            await asyncio.wait(cut, timeout=_CUT_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First SIGTERM or SIGINT: stop admitting and drain. Second: now."""
        self._served.readiness.close()
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    def _log_started_message(self, listeners: object) -> None:
        """The banner says it."""


def _calm_collector() -> None:
    """What stands now stays: it is not looked through again, and the young are collected in larger
    lots. Calls free almost all they make by reference count as they end."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"host = {host!r}, port = {port}: can't listen there ({error.strerror}); "
            "choose another with --host and --port (port 0 picks a free one)"
        ) from None
    listener.setblocking(False)
    return listener


def _loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
