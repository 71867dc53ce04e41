"""What a fake server is started as, and how it is told to fail."""

from dataclasses import dataclass
from typing import Literal

from tests.fake_sglang.wrong import Wrong


@dataclass(frozen=True, slots=True)
class Kind:
    """The launch: ``embedding`` is ``--is-embedding``, ``fills_in`` a ``--completion-template``.
    ``program`` is which of SGLang's servers it is; ``video_looks`` is after how many looks at it a video
    is made."""

    model: str = "tiny-qwen3"
    program: Literal["srt", "diffusion", "omni"] = "srt"
    embedding: bool = False
    fills_in: bool = False
    running_max: int = 4
    queue_max: int = 4
    context: int = 2048
    dimensions: int = 128
    tick_s: float = 0.002
    video_looks: int = 3
    key: str | None = None
    admin_key: str | None = None


@dataclass(slots=True)
class Faults:
    """Switches; they may be turned while the server runs.

    ``queue_full``: every call meets a full queue. ``stall_after``, ``reset_after``, ``die_after``,
    ``cut_after`` and ``garbage_after`` count the events of a stream after which it falls silent (until
    ``stall_s`` passed, then it is reset), is reset, takes the whole server with it, ends without a
    finish, or goes on with what is no JSON. ``per_event`` is how many tokens one event brings.
    ``health_s`` is how long ``/health`` takes. ``draining``: ``/ready`` says 503, calls are still taken.
    ``no_usage``: the final usage is left out; ``usage_factor``: output is told to be so many times what
    it is; ``endless``: a stream goes on past the tokens that were asked for. ``head_s`` delays a
    response's head; ``not_http``: what answers is no HTTP; ``wrong`` is how all work is answered
    instead. ``media_fault``: pictures have ``another_size``, speech is of ``another_format`` or
    ``silent``. ``video_fault`` is what goes wrong with videos: they ``fail``, get ``stuck``
    at 40 percent, are ``lost`` there (as by a restart), take the whole server with them (``die``), are
    once answered for by a proxy (``away``) or not at all (``reset``), are told of in ``garbage``, have a
    ``foreign`` id, end as a file that is ``no_video``, or one whose end is missing (``cut``).
    """

    queue_full: bool = False
    stall_after: int | None = None
    stall_s: float = 60.0
    reset_after: int | None = None
    die_after: int | None = None
    cut_after: int | None = None
    garbage_after: int | None = None
    per_event: int = 1
    health_s: float = 0.0
    draining: bool = False
    no_usage: bool = False
    usage_factor: int = 1
    endless: bool = False
    head_s: float = 0.0
    not_http: bool = False
    wrong: Wrong | None = None
    media_fault: Literal["another_size", "another_format", "silent"] | None = None
    video_fault: (
        Literal[
            "fail",
            "stuck",
            "lost",
            "die",
            "away",
            "reset",
            "garbage",
            "foreign",
            "no_video",
            "cut",
        ]
        | None
    ) = None
