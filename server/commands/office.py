"""Where a command does its work: through the running server, or with the books themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from server.admin import AdminClient, NoServer
from server.commands.settings import settings_of
from server.operations import Office, OperationFailed
from storage.lock import DataDirLocked

_PATIENCE_S = 10.0
_PAUSE_S = 0.1


def folder_of(data_dir: Path | None, config: Path | None) -> Path:
    """The data dir that the flags, the environment and the settings file name.

    Raises SettingsError.
    """
    return settings_of(config, data_dir).data_dir


def operate(data_dir: Path, operation: str, /, **arguments: Any) -> Any:
    """Run one operation and return its result.

    Raises BatchinError, and DataDirLocked when a server holds the data dir and does not answer.
    """

    async def run() -> Any:
        async with office(data_dir) as place:
            return await place.call(operation, **arguments)

    return asyncio.run(run())


@asynccontextmanager
async def office(data_dir: Path) -> AsyncIterator[Office]:
    """The running server's socket when it answers, else the books, which are then locked meanwhile.

    A server that starts or stops is waited for: up to 10 s. Raises DataDirLocked.
    """
    async with AsyncExitStack() as stack:
        yield await _enter(data_dir, stack)


async def _enter(data_dir: Path, stack: AsyncExitStack) -> Office:
    from server.offline import books

    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE_S
    while True:
        if await _answers(data_dir):
            return AdminClient(data_dir)
        try:
            return await stack.enter_async_context(books(data_dir))
        except DataDirLocked:
            if clock() > deadline:
                raise
        await asyncio.sleep(_PAUSE_S)


async def _answers(data_dir: Path) -> bool:
    try:
        await AdminClient(data_dir).info()
    except (NoServer, OperationFailed):
        return False
    return True
