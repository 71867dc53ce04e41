"""After a flush that failed: memory is ahead of the disk, so start again from the disk."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

from storage.batch import Batch
from storage.commit import Commit
from storage.errors import BadCommit
from storage.ground import Ground
from storage.op import Refused

_CHANGED: Final = "The store could not write what this depended on."


async def recover(ground: Ground, commits: Sequence[Commit], error: Exception) -> None:
    """Settle or fail every commit that is not durable, in order, whatever made the flush fail.

    A bad commit is found by halving, and fails alone. When the database can't write, all fail. Nobody
    else folds or loads meanwhile.
    """
    groups = [commits]
    if not isinstance(error, BadCommit):
        ground.give_up(commits, error)
        groups.clear()
    while groups:
        group = groups.pop()
        ground.known.clear()
        try:
            await ground.learn(group)
            await ground.write(_folded(ground, group))
        except BadCommit as bad:
            if len(group) == 1:
                ground.alarm(group[0], bad)
            else:
                half = len(group) // 2
                groups += [group[half:], group[:half]]
        except Exception as outage:  # noqa: BLE001 - whatever the database raises, it can't write now
            ground.give_up(chain(group, *reversed(groups)), outage)
            break
    ground.known.clear()


def _folded(ground: Ground, group: Sequence[Commit]) -> Batch:
    """The group as one batch. A commit that now gives another value than somebody was told fails."""
    batch = Batch()
    for commit in group:
        view = None if commit.done else ground.view(commit)
        folded = None if view is None else ground.fold(commit, view)
        if folded is None:
            continue
        value, changes = folded
        if not commit.may_become(value):
            commit.failed(_CHANGED)
            continue
        commit.folded(value)
        if isinstance(value, Refused):
            batch.wait_for(commit)
        else:
            ground.known.change(changes.rows)
            batch.take(commit, changes)
    return batch
