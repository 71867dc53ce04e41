"""The prompts of callers: versions that never change, one of them promoted, and what was observed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import func, select

from base.clock import Clock, iso_utc
from base.errors import InvalidRequest, NotFound
from base.money import usd_text
from base.sealing import Sealed, Sealer, Unsealable
from settlement.ledger.reports import PromptUse, UsageReports
from storage.op import Key, Op, Refused, Row, Rows, Store
from tools.prompts.tables import PROMPT, PROMPT_VERSION
from tools.prompts.template import Template, parted, version_id_of

DOCS: Final = "/docs/prompts"
MOST_VERSIONS: Final = 1000
MOST_BYTES: Final = 64 * 1_048_576
_TRAIL: Final = 100
_NO_TEXT: Final = dict.fromkeys(("messages", "description", "variables"))


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the registry; ``is_new`` when it was made just now."""

    name: str
    version: str
    template: Template
    created_at_ms: int
    is_new: bool = False

    @property
    def id(self) -> str:
        return version_id_of(self.name, self.version)


@dataclass(frozen=True, slots=True)
class PromptBook:
    """Each prompt belongs to one account: to others it is as unknown as one that never was. ``changed``
    is told whose promoted versions change, ``made`` the owner, the prompt and the name of new versions.
    """

    store: Store
    sealer: Sealer
    clock: Clock
    usage: UsageReports
    changed: list[Callable[[str], None]] = field(default_factory=list)
    made: list[Callable[[str, str, str], None]] = field(default_factory=list)

    async def push(self, account_id: str, name: str, version: str | None, template: Template) -> Version:
        """Make a version, by default the next number. The same text under the same name is the same
        version. Raises InvalidRequest for another text under a name that is taken."""
        await self._check_room(account_id)
        sealed = self.sealer.seal(template.sealable())
        while True:
            made: Row = {
                "account_id": account_id,
                "name": name,
                "version": version or await self._next(account_id, name),
                "digest": template.digest,
                "salt": sealed.salt,
                "box": sealed.box,
                "created_at_ms": self.clock.now_ms(),
            }
            answer = await self.store.commit(_making(made))
            if not isinstance(answer, Refused):
                row = answer[0]
                return Version(name, made["version"], template, row["created_at_ms"], row is made)
            if version is not None or answer.code != "taken":  # else somebody else took the number
                raise _refused(answer, name, made["version"])

    async def push_and_promote(
        self, account_id: str, name: str, version: str | None, template: Template, by: str = "caller"
    ) -> Version:
        """Make a version that answers at once. Raises what ``push`` does."""
        made = await self.push(account_id, name, version, template)
        await self.promote(account_id, made.name, made.version, by)
        return made

    async def propose(
        self, account_id: str, name: str, version: str | None, template: Template
    ) -> Version:
        """Make a version that is a candidate: a regression that the prompt has by itself begins. Raises
        what ``push`` does."""
        made = await self.push(account_id, name, version, template)
        if made.is_new:
            for told in self.made:
                told(account_id, made.name, made.version)
        return made

    async def automate(self, account_id: str, name: str, plan: Mapping[str, Any] | None) -> None:
        """Let each new version be replayed by a plan, None by none any more. Raises NotFound."""
        key, kept = _prompt_key(account_id, name), plan and orjson.dumps(plan).decode()

        def fold(rows: Rows) -> Refused | None:
            prompt = rows.get(key)
            if prompt is None:
                return Refused("unknown")
            rows.put(key, prompt | {"automatic": kept})
            return None

        if isinstance(await self.store.commit(Op((key,), fold)), Refused):
            raise not_found(name)

    async def promote(self, account_id: str, name: str, version: str, by: str = "caller") -> None:
        """Let the version answer calls that name no version. Raises NotFound."""
        await self.find(account_id, name, version)
        await self.store.commit(self.promotion(account_id, name, version, by))
        self.tell(account_id)

    def promotion(
        self, account_id: str, name: str, version: str, by: str, instead_of: str | None = None
    ) -> Op:
        """The operation that promotes a version that is there; ``instead_of`` another one alone. Its
        value is whether it did."""
        key = _prompt_key(account_id, name)
        step = {"version": version, "by": by, "at": iso_utc(self.clock.now_ms())}

        def fold(rows: Rows) -> bool:
            prompt = rows.get(key)
            if prompt is None or instead_of not in (None, prompt["promoted"]):
                return False
            if prompt["promoted"] == version:
                return True
            trail = [*orjson.loads(prompt["trail"]), step][-_TRAIL:]
            rows.put(key, prompt | {"promoted": version, "trail": orjson.dumps(trail).decode()})
            return True

        return Op((key,), fold)

    async def roll_back(self, account_id: str, name: str) -> str | None:
        """Promote what was promoted before: that version, None where there was none before it. Raises
        NotFound, InvalidRequest where nothing is promoted."""
        key = _prompt_key(account_id, name)

        def fold(rows: Rows) -> Refused | str | None:
            prompt = rows.get(key)
            if prompt is None:
                return Refused("unknown")
            trail = orjson.loads(prompt["trail"])
            if not trail:
                return Refused("nothing")
            left = trail[:-1]
            before: str | None = left[-1]["version"] if left else None
            rows.put(key, prompt | {"promoted": before, "trail": orjson.dumps(left).decode()})
            return before

        answer = await self.store.commit(Op((key,), fold))
        if isinstance(answer, Refused):
            if answer.code == "unknown":
                raise not_found(name)
            raise InvalidRequest(
                f"No version of {name} is promoted.",
                param="id",
                resolution="Promote one: POST /v1/prompts/{id}/promote.",
            )
        self.tell(account_id)
        before: str | None = answer[0]
        return before

    async def find(self, account_id: str, name: str, version: str) -> Version:
        """A version of the registry. Raises NotFound."""
        query = select(PROMPT_VERSION).where(*_of(account_id, name), PROMPT_VERSION.c.version == version)
        rows = await self.store.read(query)
        found = await self._all_opened(rows)
        if not found:
            raise not_found(version_id_of(name, version))
        return found[0]

    async def prompt(self, account_id: str, name: str) -> Row | None:
        """The row of a prompt of the registry, None where the account made none of that name."""
        query = select(PROMPT).where(PROMPT.c.account_id == account_id, PROMPT.c.name == name)
        rows = await self.store.read(query)
        return rows[0] if rows else None

    async def promoted(self, account_id: str) -> Sequence[Version]:
        """The promoted versions of an account, by name."""
        query = (
            select(PROMPT_VERSION)
            .join(PROMPT, _SAME)
            .where(PROMPT.c.account_id == account_id, PROMPT.c.promoted == PROMPT_VERSION.c.version)
            .order_by(PROMPT.c.name)
        )
        return await self._all_opened(await self.store.read(query))

    async def listed(self, account_id: str) -> list[dict[str, Any]]:
        """Everything, as GET /v1/prompts shows it: the newest prompt first."""
        prompts = await self.store.read(select(PROMPT).where(PROMPT.c.account_id == account_id))
        columns = [column for column in PROMPT_VERSION.c if column.name not in ("salt", "box")]
        query = select(*columns).where(PROMPT_VERSION.c.account_id == account_id)
        made = await self.store.read(query)
        seen = await self.usage.by_prompt(account_id)
        return _items(prompts, made, seen)

    async def shown(self, account_id: str, name: str) -> dict[str, Any]:
        """One prompt with the texts of its versions. Raises NotFound."""
        item = next((i for i in await self.listed(account_id) if i["registry_id"] == name), None)
        if item is None:
            raise not_found(name)
        rows = await self.store.read(select(PROMPT_VERSION).where(*_of(account_id, name)))
        texts = await asyncio.to_thread(self._texts, rows)
        for shown in item["versions"]:
            shown |= texts.get(shown["version_id"], _NO_TEXT)
        prompt = await self.prompt(account_id, name)
        return item | {"promotions": orjson.loads(prompt["trail"]) if prompt else []}

    def tell(self, account_id: str) -> None:
        """What the account has promoted changed."""
        for told in self.changed:
            told(account_id)

    async def _check_room(self, account_id: str) -> None:
        """Raises InvalidRequest for an account whose versions are as much as one may keep."""
        size = func.coalesce(func.sum(func.length(PROMPT_VERSION.c.box)), 0).label("bytes")
        query = select(size).where(PROMPT_VERSION.c.account_id == account_id)
        if (await self.store.read(query))[0]["bytes"] >= MOST_BYTES:
            raise InvalidRequest(
                f"The account's prompts have {MOST_BYTES} bytes, the most that one keeps.",
                param="messages",
                resolution="Use the versions that are there.",
            )

    async def _next(self, account_id: str, name: str) -> str:
        """A number that no version has: those observed in calls count too."""
        rows = await self.store.read(select(PROMPT_VERSION.c.version).where(*_of(account_id, name)))
        taken = {row["version"] for row in rows}
        seen = await self.usage.by_prompt(account_id)
        taken |= {version for use in seen for of, version in [parted(use.version_id)] if of == name}
        number = len(taken) + 1
        while f"v{number}" in taken:
            number += 1
        return f"v{number}"

    def _texts(self, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
        """What versions say, by their ids."""
        versions = filter(None, map(self._opened, rows))
        return {
            version.id: {
                "messages": [message.model_dump() for message in version.template.messages],
                "description": version.template.description,
                "variables": version.template.variables,
            }
            for version in versions
        }

    async def _all_opened(self, rows: Sequence[Row]) -> list[Version]:
        """Those that can be opened, in a thread: they may be large."""
        opened = await asyncio.to_thread(lambda: [self._opened(row) for row in rows])
        return [version for version in opened if version is not None]

    def _opened(self, row: Row) -> Version | None:
        """None where the server's secret changed meanwhile."""
        try:
            content = self.sealer.open(Sealed(row["salt"], row["box"]))
        except Unsealable:
            return None
        template = Template.model_validate(orjson.loads(content))
        return Version(row["name"], row["version"], template, row["created_at_ms"])


_SAME: Final = (PROMPT.c.account_id == PROMPT_VERSION.c.account_id) & (
    PROMPT.c.name == PROMPT_VERSION.c.name
)


def not_found(named: str) -> NotFound:
    return NotFound(
        f"There is no prompt {named}.",
        param="id",
        resolution="GET /v1/prompts lists your prompts and their versions.",
    )


def _items(
    prompts: Sequence[Row], made: Sequence[Row], seen: Sequence[PromptUse]
) -> list[dict[str, Any]]:
    by_name: dict[str, dict[str, tuple[int, Row | None, PromptUse | None]]] = {}
    for row in made:
        versions = by_name.setdefault(row["name"], {})
        versions[version_id_of(row["name"], row["version"])] = (row["created_at_ms"], row, None)
    for use in seen:
        versions = by_name.setdefault(parted(use.version_id)[0], {})
        since, version, _ = versions.get(use.version_id, (use.first_ms, None, None))
        versions[use.version_id] = (min(since, use.first_ms), version, use)
    known = {row["name"]: row for row in prompts}
    newest = sorted(by_name.items(), key=lambda item: _last_ms(item[1]), reverse=True)
    return [_item(name, known.get(name), versions) for name, versions in newest]


def _last_ms(versions: Mapping[str, tuple[int, Row | None, PromptUse | None]]) -> int:
    return max(max(since, use.last_ms if use else 0) for since, _, use in versions.values())


def _item(
    name: str, prompt: Row | None, versions: Mapping[str, tuple[int, Row | None, PromptUse | None]]
) -> dict[str, Any]:
    label = prompt["promoted"] if prompt else None
    promoted = None if label is None else version_id_of(name, label)
    ordered = sorted(versions.items(), key=lambda item: (item[1][0], item[0]))
    shown = [_shown(id_, promoted, *told) for id_, told in ordered]
    return {
        "registry_id": name,
        "display_name": name,
        "source": "auto_backfill" if prompt is None else "registry",
        "latest_version_id": ordered[-1][0],
        "promoted_version_id": promoted,
        "total_runs": sum(version["total_runs"] for version in shown),
        "experiment_id": prompt["split_id"] if prompt else None,
        "automatic": _automatic(prompt),
        "versions": shown,
    }


def _automatic(prompt: Row | None) -> dict[str, Any] | None:
    """The regression of each new version, without whose key pays."""
    if prompt is None or prompt["automatic"] is None:
        return None
    plan = orjson.loads(prompt["automatic"])
    return {name: plan[name] for name in ("samples", "budget_cents", "rule")}


def _shown(
    version_id: str, promoted: str | None, since_ms: int, row: Row | None, use: PromptUse | None
) -> dict[str, Any]:
    seen = "registered" if use is None else "observed"
    return {
        "version_id": version_id,
        "status": "promoted" if version_id == promoted else seen,
        "total_runs": use.runs if use else 0,
        "content_hash": row["digest"] if row else None,
        "since": iso_utc(since_ms),
        "last_run_at": iso_utc(use.last_ms) if use else None,
        "avg_latency_ms": round(use.took_ms / use.runs) if use else None,
        "cost_usd": usd_text(use.charged_nano_usd if use else 0),
    }


def _making(made: Row) -> Op:
    """The row of the version that is there then, or Refused ``taken`` (with another text), ``many``."""
    account_id, name = made["account_id"], made["name"]
    of_prompt = _prompt_key(account_id, name)
    of_version = Key("prompt_version", (account_id, name, made["version"]))

    def fold(rows: Rows) -> Refused | Row:
        known = rows.get(of_version)
        if known is not None:
            return known if known["digest"] == made["digest"] else Refused("taken")
        prompt = rows.get(of_prompt) or _new_prompt(account_id, name)
        if prompt["made"] >= MOST_VERSIONS:
            return Refused("many")
        rows.put(of_prompt, prompt | {"made": prompt["made"] + 1})
        rows.put(of_version, dict(made))
        return made

    return Op((of_prompt, of_version), fold)


def _refused(refused: Refused, name: str, version: str) -> InvalidRequest:
    if refused.code == "many":
        return InvalidRequest(
            f"{name} has {MOST_VERSIONS} versions, the most that a prompt may have.",
            param="name",
            resolution="Begin a prompt with another name.",
        )
    return InvalidRequest(
        f"{version_id_of(name, version)} is there with another text: versions never change.",
        param="version",
        resolution="Take another version, or leave version out for the next number.",
    )


def _new_prompt(account_id: str, name: str) -> Row:
    return {
        "account_id": account_id,
        "name": name,
        "promoted": None,
        "trail": "[]",
        "split_id": None,
        "made": 0,
        "automatic": None,
    }


def _prompt_key(account_id: str, name: str) -> Key:
    return Key("prompt", (account_id, name))


def _of(account_id: str, name: str) -> tuple[Any, ...]:
    return PROMPT_VERSION.c.account_id == account_id, PROMPT_VERSION.c.name == name
