"""The command line as people use it: help, errors, exit statuses, accounts and keys without a server."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from base.settings import SettingsError
from server.cli import main
from server.version import version
from storage.lock import DataDirLock

COMMANDS = (
    ("serve",),
    ("demo",),
    ("doctor",),
    ("verify",),
    ("models",),
    ("accounts", "list"),
    ("accounts", "create"),
    ("accounts", "credit"),
    ("keys", "list"),
    ("keys", "create"),
    ("keys", "revoke"),
    ("ledger", "audit"),
    ("engines", "install"),
    ("engines", "list"),
    ("engines", "check"),
    ("engines", "stop"),
    ("engines", "start"),
)
HEAVY = (
    "aiohttp",
    "alembic",
    "httpx2",
    "mcp",
    "openai",
    "sqlalchemy",
    "starlette",
    "web3",
    "x402",
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def asked(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> Any:
    """The JSON that a command prints."""
    status, out, err = run(capsys, *arguments, "--data-dir", str(folder), "--json")
    assert status == 0, err
    return json.loads(out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    status, out, _ = run(capsys, *command, "--help")
    assert status == 0
    assert "--data-dir" in out


def test_help_names_every_command_and_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert all(command[0] in out for command in COMMANDS)
    assert run(capsys, "--version")[:2] == (0, f"batchin {version()}\n")
    assert run(capsys)[0] == 2


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, contextlib\n"
        "from server.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['serve', '--help'])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_accounts_and_keys_without_a_server(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    account = asked(capsys, tmp_path, "accounts", "create", "shop", "--email", "shop@example.com")
    for credited in (True, False):
        answer = asked(capsys, tmp_path, "accounts", "credit", "shop", "0.25", "--reference", "a")
        assert answer["credited"] is credited
    made = asked(capsys, tmp_path, "keys", "create", "shop", "--budget-usd", "1", "--days", "2")
    assert made["key"].startswith("batchin_api_")
    listed = asked(capsys, tmp_path, "accounts", "list")
    assert [(a["id"], a["balance_nano_usd"]) for a in listed] == [(account["id"], 250_000_000)]

    status, out, _ = run(capsys, "keys", "list", "--data-dir", str(tmp_path))
    assert status == 0
    assert made["id"] in out
    assert made["key"] not in out
    status, out, _ = run(capsys, "accounts", "list", "--data-dir", str(tmp_path))
    assert "$0.25" in out

    assert run(capsys, "keys", "revoke", made["id"], "--data-dir", str(tmp_path))[0] == 0
    assert asked(capsys, tmp_path, "keys", "list")[0]["state"] == "revoked"


def test_a_new_key_is_shown_with_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "accounts", "create", "--data-dir", str(tmp_path))[0] == 0
    status, out, err = run(capsys, "keys", "create", "--data-dir", str(tmp_path))
    assert (status, err) == (0, "")
    assert "batchin_api_" in out
    assert "BATCHIN_API_KEY" in out


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("serve", "--port", "99999"), 2, "port = 99999"),
        (("serve", "--engine", "magic"), 2, "engine = 'magic'"),
        (("serve", "--config", "nowhere.toml"), 2, "--config nowhere.toml: no such file"),
        (("serve", "--colour", "red"), 2, "No such option"),
        (("fly",), 2, "No such command"),
        (("accounts", "credit", "shop", "much"), 2, "AMOUNT_USD"),
        (("accounts", "credit", "shop", "0"), 2, "AMOUNT_USD"),
        (("accounts", "credit", "shop", "1"), 1, "no account 'shop'"),
        (("keys", "create"), 1, "no account yet"),
        (("keys", "revoke", "nobody's"), 1, "no key nobody's"),
        (("models",), 1, "No server runs on"),
        (("models", "batchin.example"), 2, "is no URL"),
        (("verify", "nowhere.json"), 2, "neither a file nor an id"),
        (("verify", "run_01a20e3ac0257cab8ec30b81fc05516a"), 1, "No server runs on"),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
) -> None:
    folder = () if arguments == ("fly",) else ("--data-dir", str(tmp_path / "data"))
    left, _, err = run(capsys, *arguments, *folder)
    assert left == status
    assert sentence in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err


def test_a_server_that_can_not_be_reached_is_named(
    capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    status, _, err = run(capsys, "models", f"http://127.0.0.1:{unused_tcp_port}")
    assert status == 1
    assert f"http://127.0.0.1:{unused_tcp_port} can't be reached" in err


def test_a_data_dir_in_use_is_refused_with_who_uses_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.commands.office._PATIENCE_S", 0.0)
    with DataDirLock(tmp_path, "batchin serve on http://127.0.0.1:1"):
        status, _, err = run(capsys, "keys", "list", "--data-dir", str(tmp_path))
    assert status == 1
    assert "is in use by batchin serve on http://127.0.0.1:1" in err


def test_a_fault_of_ours_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("server.commands.office.folder_of", fault)
    with pytest.raises(ZeroDivisionError):
        main(["accounts", "list"])


def test_settings_come_from_flags_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from server.commands.settings import settings_of

    config = tmp_path / "batchin.toml"
    config.write_text('port = 1\nhost = "0.0.0.0"\nengine = "none"\n')
    monkeypatch.setenv("BATCHIN_PORT", "2")
    monkeypatch.chdir(tmp_path)
    settings = settings_of(config, Path("relative"), engine="local")
    assert (settings.host, settings.port, settings.engine) == ("0.0.0.0", 2, "local")
    assert settings.data_dir == tmp_path / "relative"
    config.write_text("colour = 1\n")
    with pytest.raises(SettingsError, match="colour"):
        settings_of(config, None)
