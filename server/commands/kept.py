"""``verify --checkpoints``: the last checkpoint seen of each log, and whether the log still holds it."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import orjson
import typer

from server.commands.failure import CommandFailed
from server.commands.running import get_json
from server.commands.sources import Found, read_json
from settlement.evidence.bundle import BundleShape, UnreadableBundle, shape_of
from settlement.evidence.checkpoint import BadCheckpoint, Checkpoint, Note
from settlement.evidence.consistency import Growth, UnreadableGrowth, believed, growth_problem
from settlement.evidence.trust import Trust
from settlement.evidence.verdict import Findings, Verdict

LOG: Final = "log.consistency"
ANCHOR: Final = "anchor.consistency"
HEAD: Final = "log.head"
CONSISTENCY: Final = "/v1/audit/log/consistency"
_HEAD_PATH: Final = "/v1/audit/log/head"
_MEMBER: Final = "checkpoints"
_UNPROVED: Final = (
    "No proof ties it to the checkpoint that was kept: give --consistency the answer of "
    "GET {path}?first={first}&second={second}, or name the server with --url."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The signed note of the largest tree that was seen of each log, by the log's origin."""

    path: Path
    notes: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Nothing is kept where there is no file. Raises CommandFailed for a file of another kind."""
        if not path.exists():
            return cls(path, {})
        document = read_json(path)
        notes = document.get(_MEMBER) if isinstance(document, dict) else None
        if not isinstance(notes, dict):
            raise CommandFailed(f"{path} holds no kept checkpoints.", "Name a file of its own.")
        for origin, note in notes.items():
            if _note(note) is None:
                raise CommandFailed(f"{path}: the checkpoint of {origin} can't be read.")
        return cls(path, notes)

    def of(self, origin: str) -> Checkpoint | None:
        note = _note(self.notes.get(origin))
        return None if note is None else note.checkpoint

    def with_note(self, origin: str, note: str) -> Self:
        return replace(self, notes={**self.notes, origin: note})

    def save(self) -> None:
        """Whole or not at all. Raises CommandFailed."""
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            with draft.open("xb") as file:
                file.write(orjson.dumps({_MEMBER: self.notes}, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise CommandFailed(f"{self.path} can't be written: {error.strerror}.") from None


@dataclass(frozen=True, slots=True)
class Proofs:
    """Where consistency proofs come from: a saved answer, and the server that is asked."""

    saved: Growth | None
    server: str | None

    async def between(self, kept: Checkpoint, seen: Checkpoint) -> list[Growth]:
        """What proofs there are for these two."""
        found = [] if self.saved is None else [self.saved]
        first, second = sorted((kept.size, seen.size))
        if self.server is not None and first != second:
            asked = f"{CONSISTENCY}?first={first}&second={second}"
            try:
                found.append(Growth.parse(await get_json(self.server, asked)))
            except (CommandFailed, UnreadableGrowth):  # it can't prove it, or does not answer
                return found
        return found


def saved_growth(path: Path | None) -> Growth | None:
    """Raises CommandFailed."""
    if path is None:
        return None
    try:
        return Growth.parse(read_json(path))
    except UnreadableGrowth as error:
        raise CommandFailed(f"{path} is no consistency proof. {error}") from None


async def compared(verdict: Verdict, found: Found, kept: Kept, proofs: Proofs) -> Verdict:
    """The verdict with what the kept checkpoints say of it; what was seen is kept from now on.

    Raises CommandFailed when that can't be written.
    """
    findings = Findings(verdict.checks)
    try:
        shape = shape_of(found.bundle)
    except UnreadableBundle:
        return verdict
    if shape.inclusion is None:
        findings.skip(LOG, "The record has no place in the log yet; fetch the bundle again.")
    for name, text in {**_notes(shape), **await _head(findings, proofs.server, kept)}.items():
        kept = await _compare(findings, name, text, found.trust, kept, proofs)
    kept.save()
    return findings.verdict(verdict.record_id)


async def _compare(
    findings: Findings, name: str, text: str, trust: Trust, kept: Kept, proofs: Proofs
) -> Kept:
    """Add the check of one checkpoint; what is kept after it."""
    note = _note(text)
    if note is None or not believed(note, trust):
        findings.skip(name, "No trusted key of the log signed the checkpoint.")
        return kept
    now, before = note.checkpoint, kept.of(note.checkpoint.origin)
    if before is None:
        typer.echo(f"First checkpoint of {now.origin}: its {now.size} records are kept.", err=True)
        findings.add(name)
        return kept.with_note(now.origin, text)
    if name == HEAD and now.size < before.size:
        findings.add(name, f"The log had {before.size} records and has {now.size}: it was rolled back.")
        return kept
    problem = growth_problem(before, now, await proofs.between(before, now))
    if problem is None:
        first, second = sorted((before.size, now.size))
        findings.skip(name, _UNPROVED.format(path=CONSISTENCY, first=first, second=second))
        return kept
    grown = findings.add(name, problem) and now.size > before.size
    return kept.with_note(now.origin, text) if grown else kept


def _notes(shape: BundleShape) -> dict[str, str]:
    """The checkpoints that a bundle holds, under the names of their checks."""
    notes = {}
    if shape.inclusion is not None:
        notes[LOG] = shape.inclusion.checkpoint
    if shape.anchor is not None:
        notes[ANCHOR] = shape.anchor.inclusion.checkpoint
    return notes


async def _head(findings: Findings, server: str | None, kept: Kept) -> dict[str, str]:
    """The checkpoint of the server's log as it is now; a log without records has none to compare.

    Raises CommandFailed.
    """
    if server is None:
        return {}
    document = await get_json(server, _HEAD_PATH)
    told = document if isinstance(document, dict) else {}
    note = told.get("checkpoint")
    if note is not None:
        return {HEAD: str(note)}
    before = kept.of(str(told.get("origin")))
    if before is None:
        findings.skip(HEAD, "The server's log holds no records yet.")
    else:
        findings.add(HEAD, f"The log had {before.size} records and has none: it was rolled back.")
    return {}


def _note(text: object) -> Note | None:
    try:
        return Note.parse(text)
    except BadCheckpoint:
        return None
