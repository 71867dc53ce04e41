"""The log: one line a call and one a trouble, as JSON or as text, written off the loop.

A line never holds a prompt, an answer, a key or a payment.
"""

import asyncio
import logging
import sys
import threading
import time
from functools import lru_cache
from typing import BinaryIO, Literal

import orjson

from base.money import usd_text
from tools.observe import CallReport

_CALLS = "batchin.call"
_FLUSH_S = 0.05
_STANDARD = frozenset(vars(logging.makeLogRecord({})))


class Lines:
    """Gathers lines and hands them to the stream every 50 ms in a thread: a full pipe blocks nobody."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pending: list[bytes] = []
        self._scheduled = False
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        self._pending.append(line + b"\n")
        if self._scheduled:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._scheduled = True
        loop.call_later(_FLUSH_S, loop.run_in_executor, None, self.flush)

    def flush(self) -> None:
        with self._lock:
            self._scheduled = False
            pending, self._pending = self._pending, []
            if pending:
                self._stream.write(b"".join(pending))
                self._stream.flush()


class CallLog:
    """Writes each call's report as one line, of the level info."""

    def __init__(self, lines: Lines, as_json: bool) -> None:
        self._lines = lines
        self._render = _call_json if as_json else _call_text
        self._logger = logging.getLogger(_CALLS)

    def call_ended(self, report: CallReport) -> None:
        if self._logger.isEnabledFor(logging.INFO):
            self._lines.write(self._render(report))

    def flush(self) -> None:
        """Write what is still held: the last thing at shutdown."""
        self._lines.flush()


class _Handler(logging.Handler):
    def __init__(self, lines: Lines, as_json: bool) -> None:
        super().__init__()
        self._lines = lines
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.write(self._json(record) if self._as_json else self._text(record))
        except Exception:  # noqa: BLE001 - a log line must never break a call
            self.handleError(record)

    def _json(self, record: logging.LogRecord) -> bytes:
        line: dict[str, object] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({k: v for k, v in vars(record).items() if k not in _STANDARD})
        if record.exc_info:
            line["exception"] = logging.Formatter().formatException(record.exc_info)
        return orjson.dumps(line, default=str)

    def _text(self, record: logging.LogRecord) -> bytes:
        line = f"{_clock(record.created)} {record.levelname.lower():7} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + logging.Formatter().formatException(record.exc_info)
        return line.encode()


def set_up_logging(
    level: str, form: Literal["auto", "json", "text"], stream: BinaryIO | None = None
) -> CallLog:
    """Route all loggers to one stream (standard error) in one form; returns the log of calls."""
    out = stream or sys.stderr.buffer
    as_json = form == "json" or (form == "auto" and not out.isatty())
    lines = Lines(out)
    root = logging.getLogger()
    root.handlers[:] = [_Handler(lines, as_json)]
    root.setLevel(level.upper())
    for noisy in ("alembic", "uvicorn", "uvicorn.error", "mcp", "httpx", "web3", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    return CallLog(lines, as_json)


def _call_json(report: CallReport) -> bytes:
    return orjson.dumps(
        {
            "time": _timestamp(time.time()),
            "level": "info",
            "logger": _CALLS,
            "run_id": report.run_id,
            "request_id": report.request_id,
            "trace_id": report.trace_id,
            "tool": report.tool,
            "model": report.model,
            "caller": report.caller,
            "rail": report.rail,
            "outcome": report.outcome,
            "input_tokens": report.usage.input_tokens,
            "output_tokens": report.usage.output_tokens,
            "cost_usd": usd_text(report.charged_nano_usd),
            "first_ms": round(report.first_ms, 2),
            "total_ms": round(report.total_ms, 2),
        }
    )


def _call_text(report: CallReport) -> bytes:
    tokens = f"{report.usage.input_tokens:>5} in {report.usage.output_tokens:>5} out"
    cost = f"${usd_text(report.charged_nano_usd)}"
    return (
        f"{_clock(time.time())} {report.tool:6} {report.outcome:16} {report.rail:8} {tokens}  "
        f"{cost}  {report.total_ms:>8.1f} ms  {report.run_id}"
    ).encode()


def _timestamp(seconds: float) -> str:
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
