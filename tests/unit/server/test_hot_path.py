"""Settings of the hot path that look harmless to change, and are not (docs/performance.md, Traps)."""

from pathlib import Path

from starlette.types import Receive, Scope, Send

from base.settings import Settings
from runtime.http.message import DEFAULT_LIMITS
from server.guard import GuardedProtocol
from server.serve import web_config
from server.web.company import HEAD_S, PING_S
from server.web.outbox import HELD_MAX

SGLANG_KEEP_ALIVE_S = 5  # of its web server, as seen on 0.5.23
BALANCER_PATIENCE_S = 60  # load balancers cut a silent connection after 60 to 100 s


async def _app(scope: Scope, receive: Receive, send: Send) -> None: ...


def test_too_many_connections_are_never_refused_as_plain_text(tmp_path: Path) -> None:
    config = web_config(Settings(data_dir=tmp_path), _app)
    assert config.limit_concurrency is None
    assert isinstance(config.http, type)
    assert issubclass(config.http, GuardedProtocol)


def test_an_idle_connection_to_an_engine_is_left_before_the_engine_leaves_it() -> None:
    assert DEFAULT_LIMITS.idle_s == 3 < SGLANG_KEEP_ALIVE_S


def test_a_late_stream_is_kept_alive_for_those_in_between() -> None:
    assert (HEAD_S, PING_S) == (10, 15)
    assert HEAD_S + PING_S < BALANCER_PATIENCE_S


def test_a_slow_reader_is_held_a_mebibyte_and_no_more() -> None:
    assert HELD_MAX == DEFAULT_LIMITS.unread_bytes == 1 << 20
