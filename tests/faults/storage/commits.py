"""Child of the kill test: commits numbered notes for ever, each with a coin in a purse.

Arguments: the folder of the database, and the first number. A line on stdout is the number of a note
that is durable.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from storage.sqlite import SqliteStore, open_store
from tests.unit.storage.purses import TABLES, give, note

CLIENTS = 32


async def client(store: SqliteStore, numbers: Iterator[int]) -> None:
    for number in numbers:
        name = f"purse {number % 7}"
        store.submit(give(name, 1))
        await store.commit(note(f"{number}", bytes(number % 3000)), give(name, -1), give("all", 1))
        print(number, flush=True)


async def main(folder: Path, first: int) -> None:
    store = await open_store(folder / "batchin.db", (TABLES,))
    numbers = itertools.count(first)
    await asyncio.gather(*(client(store, numbers) for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
