"""How a command ends when it can't do its work: a sentence for people and an exit status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FAILED = 1
USAGE = 2
INTERRUPTED = 130


class CommandFailed(Exception):
    """The command can't do its work. ``advice`` says what to do; ``status`` is the exit status."""

    def __init__(self, message: str, advice: str = "", status: int = FAILED) -> None:
        super().__init__(message)
        self.advice = advice
        self.status = status


@contextmanager
def told() -> Iterator[None]:
    """Turn what can go wrong into a sentence on standard error and an exit status; no traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        failed = error if isinstance(error, CommandFailed) else _known(error)
        if failed is None:
            raise
        tell(str(failed), failed.advice)
        sys.exit(failed.status)


def tell(message: str, advice: str = "") -> None:
    """What is wrong, and what to do, on standard error."""
    print(f"batchin: {message}", file=sys.stderr)
    if advice:
        print(f"  {advice}", file=sys.stderr)


def _known(error: Exception) -> CommandFailed | None:
    """Errors of ours whose message is for people.

    Their modules are imported here alone, when something did go wrong.
    """
    from base.errors import BatchinError
    from base.settings import SettingsError

    if isinstance(error, BatchinError):
        return CommandFailed(error.message, error.resolution)
    if isinstance(error, SettingsError):
        return CommandFailed(str(error), "docs/configuration.md tells what each setting takes.", USAGE)
    return CommandFailed(str(error)) if isinstance(error, _sentences()) else None


def _sentences() -> tuple[type[Exception], ...]:
    from base.child import ChildFailed
    from base.secret_file import KeyFileError
    from runtime.local.fetch import FetchError
    from runtime.sglang.install import InstallFailed
    from server.admin import NoServer
    from storage.lock import DataDirError
    from storage.migrate import MigrationError

    return ChildFailed, DataDirError, FetchError, InstallFailed, KeyFileError, MigrationError, NoServer
