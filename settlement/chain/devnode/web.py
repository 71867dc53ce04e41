"""The node's HTTP door: loopback only, JSON POST only, no CORS, its own Host only (DNS rebinding)."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

_BODY_MAX: Final = 1 << 20


class Door:
    """An HTTP server on 127.0.0.1 that hands bodies to ``answer``, one at a time."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._hosts: frozenset[str] = frozenset()
        app = web.Application(client_max_size=_BODY_MAX)
        app.router.add_post("/", self._post)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def open(self, wanted_port: int) -> int:
        """Listen on the wanted port, or on a free one when it is taken or 0; returns the port."""
        await self._runner.setup()
        try:
            port = await self._listen(wanted_port)
        except OSError:
            port = await self._listen(0)
        self._hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
        return port

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _listen(self, port: int) -> int:
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def _post(self, request: web.Request) -> web.Response:
        if request.host not in self._hosts:
            return web.Response(status=421, text="This node answers to its loopback address only.\n")
        if request.content_type != "application/json":
            return web.Response(status=415, text="Send Content-Type: application/json.\n")
        body = self._answer(await request.read())
        if not body:
            return web.Response(status=204)
        return web.Response(body=body, content_type="application/json")
