"""Binds a call to the prompt that it names: the version, its messages, and the sample that is kept."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

import orjson

from base.errors import InvalidRequest
from storage.op import Op, Row
from tools.arguments import parse
from tools.core import Call
from tools.prompts.book import PromptBook, Version, not_found
from tools.prompts.samples import Sample, Samples
from tools.prompts.template import parted, version_id_of
from tools.prompts.trials import Trials
from tools.prompts.use import PromptUse

PLACES: Final[Mapping[str, str]] = {"chat": "messages", "respond": "input"}
"""Where the messages of a prompt go, by the tool that takes one."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A call under its prompt. ``keep`` makes what keeps it as a sample, in the commit of its charge;
    None keeps nothing."""

    arguments: Mapping[str, Any]
    call: Call
    keep: Callable[[], Op] | None = None

    def also(self, account_id: str) -> Sequence[Op]:
        """Nothing for a wallet that pays this very call: it opted into nothing."""
        same = account_id == self.call.caller.account_id
        return (self.keep(),) if self.keep is not None and same else ()


class Binder(Protocol):
    """Binds calls that have a ``prompt`` object. Raises InvalidRequest, NotFound."""

    async def __call__(self, tool: str, arguments: Mapping[str, Any], call: Call) -> Bound: ...


@dataclass(frozen=True, slots=True)
class PromptBinder:
    """Implements Binder over the registry."""

    book: PromptBook
    samples: Samples
    trials: Trials

    async def __call__(self, tool: str, arguments: Mapping[str, Any], call: Call) -> Bound:
        place = PLACES.get(tool)
        if place is None:
            return Bound(arguments, call)
        rest = {name: value for name, value in arguments.items() if name != "prompt"}
        use = _use(arguments["prompt"])
        name, version = _named(use)
        row = await self._row(call.caller.account_id, name)
        if row is None:
            return _only_named(use, rest, call)
        label = version or await self._chosen(row, rest, call)
        if label is None:
            raise InvalidRequest(
                f"No version of the prompt {name} is promoted.",
                param="prompt.version",
                resolution="Promote one, or name a version.",
            )
        found = await self.book.find(row["account_id"], name, label)
        said = _items(rest.get(place))
        messages = await asyncio.to_thread(found.template.filled, use.variables)  # they may be large
        filled = {**rest, place: [*messages, *said]}
        bound = replace(call, prompt_version=found.id)
        return Bound(filled, bound, self._sample(tool, found, use, rest, said, bound))

    async def _row(self, account_id: str | None, name: str) -> Row | None:
        return None if account_id is None else await self.book.prompt(account_id, name)

    async def _chosen(self, row: Row, arguments: Mapping[str, Any], call: Call) -> str | None:
        """The promoted version, or the one that a running experiment gives to this caller."""
        promoted: str | None = row["promoted"]
        if row["split_id"] is None:
            return promoted
        trial = await self.trials.of(row["account_id"], row["split_id"])
        share: float = orjson.loads(trial["rule"])["share"]
        who = arguments.get("safety_identifier") or arguments.get("user") or call.trace.trace_id
        arm = "candidate" if share_of(row["split_id"], str(who)) < share else "baseline"
        version: str = trial[arm]
        return version

    def _sample(
        self,
        tool: str,
        version: Version,
        use: PromptUse,
        rest: Mapping[str, Any],
        said: Sequence[Any],
        call: Call,
    ) -> Callable[[], Op] | None:
        kept = Sample.KEPT.get(tool)
        if kept is None or not call.caller.keeps_samples or call.caller.account_id is None:
            return None
        if rest.get("previous_response_id") is not None:
            return None  # what was said before is no part of this call
        asked = {name: value for name, value in rest.items() if name in kept}
        sample = Sample(version.version, dict(use.variables), list(said), asked, call.run_id, tool)
        return partial(self.samples.keep, call.caller.account_id, version.name, sample)


def share_of(*texts: str) -> float:
    """A number from 0 up to 1 that these texts always give."""
    digest = hashlib.sha256("\0".join(texts).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _use(given: Any) -> PromptUse:
    try:
        return parse(PromptUse, given)
    except InvalidRequest as error:
        error.message = f"prompt.{error.message}"
        error.param = f"prompt.{error.param}"
        raise


def _named(use: PromptUse) -> tuple[str, str | None]:
    name, version = parted(use.id)
    if version is not None and use.version not in (None, version):
        raise InvalidRequest(
            "prompt.id and prompt.version name different versions.",
            param="prompt.version",
            resolution="Leave one of them out.",
        )
    return name, version or use.version


def _only_named(use: PromptUse, rest: Mapping[str, Any], call: Call) -> Bound:
    """A prompt whose text the caller has itself: the version is what the call is recorded under."""
    name, version = _named(use)
    named = version_id_of(name, version) if version else name
    if use.variables:
        raise not_found(named)
    return Bound(rest, replace(call, prompt_version=named))


def _items(said: Any) -> list[Any]:
    if said is None:
        return []
    if isinstance(said, str):
        return [{"role": "user", "content": said}]
    if not isinstance(said, list):
        raise InvalidRequest("should be a list.", param="messages")
    return said
