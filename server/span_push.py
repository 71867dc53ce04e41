"""Pushes the spans of calls to a collector by OTLP/HTTP: in batches, beside all else, never waited
for. What the collector does not take in time is dropped and counted."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from base.settings import Settings, SettingsError
from server.beside import beside
from server.metrics import Metrics
from server.version import version
from tools.observe import CallReport, Observer
from tools.records.outbox import message_of_calls

if TYPE_CHECKING:
    import aiohttp

MOST_WAITING: Final = 10_000
_AT_ONCE: Final = 256
_PAUSE_S: Final = 1.0
_LAST_S: Final = 5.0
_TIMEOUT_S: Final = 10.0
_RETRIED: Final = frozenset((429, 502, 503, 504))  # OTLP/HTTP, retryable response codes
_BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
_MOST_WAIT_S: Final = 60.0
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_log: Final = logging.getLogger("batchin.spans")


class SpanPush(Collector):
    """An Observer of calls, and what /metrics tells of it. ``backoff_s`` are the waits between the tries
    of one batch; after the last try it is dropped."""

    def __init__(
        self, url: str, headers: Mapping[str, str], backoff_s: Sequence[float] = _BACKOFF_S
    ) -> None:
        self._url = url
        self._headers = {
            **headers,
            "content-type": "application/x-protobuf",
            "user-agent": f"batchin/{version()}",
        }
        self._backoff_s = backoff_s
        self._waiting: list[CallReport] = []
        self._noted = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self.pushed = 0
        self.dropped = 0

    def call_ended(self, report: CallReport) -> None:
        """Note a call that is paid for."""
        if report.course is None:
            return
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(report)
        self._noted.set()

    async def run(self) -> None:
        """Push what is noted, until cancelled."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(_PAUSE_S)
            await self.flush()

    async def flush(self) -> None:
        """Push what is noted now."""
        self._noted.clear()
        while self._waiting:
            reports, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            taken = False
            try:
                taken = await self._push(await asyncio.to_thread(message_of_calls, reports, version()))
            finally:
                self._count(len(reports), taken=taken)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def collect(self) -> Iterator[Metric]:
        """Counters of calls, not of spans."""
        told = "Calls whose spans the collector took."
        yield CounterMetricFamily("batchin_spans_pushed", told, value=self.pushed)
        told = "Calls whose spans it did not take, or for which there was no room."
        yield CounterMetricFamily("batchin_spans_dropped", told, value=self.dropped)

    def _count(self, calls: int, *, taken: bool) -> None:
        if taken:
            self.pushed += calls
        else:
            self.dropped += calls

    async def _push(self, body: bytes) -> bool:
        """Whether the collector took it, at the first try or a later one."""
        for pause_s in (*self._backoff_s, None):
            status, asked_s = await self._try(body)
            if 200 <= status < 300:
                return True
            if pause_s is None or (status and status not in _RETRIED):
                _log.error("the collector does not take spans: %s", status or "it can't be reached")
                return False
            await asyncio.sleep(min(_MOST_WAIT_S, max(pause_s, asked_s)))
        return False

    async def _try(self, body: bytes) -> tuple[int, float]:
        """The status of the answer, 0 for none, and for how many seconds it asks to wait."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        try:
            posting = self._session.post(
                self._url, data=body, headers=self._headers, allow_redirects=False
            )
            async with posting as answer:
                return answer.status, _seconds(answer.headers.get("retry-after"))
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, 0.0


@asynccontextmanager
async def pushing(settings: Settings, metrics: Metrics) -> AsyncIterator[Sequence[Observer]]:
    """Push while the block lasts, if a collector is named; what waits at its end is tried once more."""
    if settings.otlp_endpoint is None:
        yield ()
        return
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    push = SpanPush(settings.otlp_endpoint, headers_of(headers))
    metrics.add(push)
    try:
        async with beside(push.run()):
            yield (push,)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(push.flush(), _LAST_S)
        await push.aclose()


def headers_of(text: str) -> dict[str, str]:
    """``name=value,name=value``, as OTEL_EXPORTER_OTLP_HEADERS has them: what is no plain character of a
    value may be percent-encoded. Raises SettingsError, which holds nothing of the text."""
    headers = {}
    for pair in filter(str.strip, text.split(",")):
        name, equals, value = (unquote(part).strip() for part in pair.partition("="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise SettingsError("otlp_headers: should be name=value,name=value, of printable ASCII.")
        headers[name.lower()] = value
    return headers


def _seconds(retry_after: str | None) -> float:
    plain = retry_after is not None and retry_after.isascii() and retry_after.isdigit()
    return float(retry_after) if retry_after and plain else 0.0
