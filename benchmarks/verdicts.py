"""What was to be reached, and whether it was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.measure import Seen
from benchmarks.peers import RUST

OURS, ENGINE, FLOOR = "batchin", "engine", "bare, relay"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim, the figure that was seen, and whether it is enough."""

    work: str
    aim: str
    seen: str
    reached: bool


def verdicts(
    whole: Mapping[str, Seen], streams: Mapping[str, Seen], next_start_s: float, memory_mb: float
) -> Iterator[Verdict]:
    """Of one run; peers that were not measured have none. CPU times are compared: they hold on a
    machine that does other things too."""
    ours = whole[OURS]
    for name, least in (("sglang-router", 0.6), ("smg", 1.0), ("LiteLLM", 50.0)):
        if name in whole:
            ratio = whole[name].us / ours.us
            yield Verdict(
                f"whole answers beside {name}", f">= {least:g}x", f"{ratio:.2f}x", ratio >= least
            )
    share = whole[FLOOR].us / ours.us
    yield Verdict("share of the bare relay", ">= 0.4", f"{share:.2f}", share >= 0.4)
    yield from _latency(whole, streams)
    rust = [streams[name] for name in RUST if name in streams]
    if rust:
        ratio = min(one.us for one in rust) / streams[OURS].us
        yield Verdict("burst events beside the best router", ">= 2x", f"{ratio:.2f}x", ratio >= 2)
    yield Verdict("memory at its start", "<= 90 MB", f"{memory_mb:.0f} MB", memory_mb <= 90)
    yield Verdict("a start", "<= 1.5 s", f"{next_start_s:.2f} s", next_start_s <= 1.5)


def _latency(whole: Mapping[str, Seen], streams: Mapping[str, Seen]) -> Iterator[Verdict]:
    for share, aim_ms in ((0.5, 4.0), (0.99, 20.0)):
        added_ms = whole[OURS].ms(False, share) - whole[ENGINE].ms(False, share)
        work = f"added to a whole answer, p{share * 100:.0f}"
        yield Verdict(work, f"<= {aim_ms:g} ms", f"{added_ms:.2f} ms", added_ms <= aim_ms)
    added_ms = streams[OURS].ms(True, 0.5) - streams[ENGINE].ms(True, 0.5)
    yield Verdict("added to a first event, p50", "<= 1 ms", f"{added_ms:.2f} ms", added_ms <= 1)
