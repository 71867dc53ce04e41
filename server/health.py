"""Health: /livez, /readyz, /health and /metrics."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from runtime.engine import EngineHealth, EngineState
from server.gauges import Gauges
from server.metrics import Metrics


class Readiness:
    """Open while calls are admitted: from the first listen to the word to stop."""

    def __init__(self) -> None:
        self._open = False

    def open(self) -> None:
        self._open = True

    def close(self) -> None:
        self._open = False

    @property
    def is_open(self) -> bool:
        return self._open


class Health:
    """The health routes over the engines, the store and the readiness."""

    def __init__(
        self,
        readiness: Readiness,
        engines: Callable[[], list[EngineHealth]],
        store_works: Callable[[], Awaitable[bool]],
        metrics: Metrics,
        gauges: Gauges,
    ) -> None:
        self._readiness = readiness
        self._engines = engines
        self._store_works = store_works
        self._metrics = metrics
        self._gauges = gauges
        metrics.add(gauges)

    def routes(self) -> list[Route]:
        return [
            Route("/livez", self._livez),
            Route("/readyz", self._ready),
            Route("/health", self._health),
            Route("/metrics", self._scrape),
        ]

    async def _livez(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        """200 when the store works, an engine is ready and the server does not drain."""
        body = await self._report()
        return JSONResponse(body, 200 if body["status"] != "unavailable" else 503)

    async def _health(self, _: Request) -> Response:
        """``{"status": "ok"}`` while every engine serves; else the engines that do not are named."""
        body = await self._report()
        if body["status"] == "ok":
            return JSONResponse({"status": "ok"})
        return JSONResponse(body, 503)

    async def _scrape(self, _: Request) -> Response:
        await self._gauges.sample()
        return Response(self._metrics.text(), headers={"content-type": Metrics.content_type})

    async def _report(self) -> dict[str, object]:
        engines = self._engines()
        store = await self._store_works()
        ready = [engine for engine in engines if engine.state is EngineState.READY]
        status = "ok" if len(ready) == len(engines) else "degraded"
        if not self._readiness.is_open or not store or (engines and not ready):
            status = "unavailable"
        return {
            "status": status,
            "store": "ok" if store else "failing",
            "draining": not self._readiness.is_open,
            "engines": [
                {"id": e.id, "state": e.state, "models": list(e.models), "restarts": e.restarts}
                for e in engines
            ],
        }
