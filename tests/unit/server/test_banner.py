"""The banner: everything a person needs, and the key only where it is news."""

import io
from pathlib import Path

import pytest

from base.settings import Settings
from server.banner import FirstKey, Ready, print_banner, program

KEY = "batchin_api_" + "k" * 43


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ready(first_key: FirstKey | None, network: str | None = "eip155:31337", chats: bool = True) -> Ready:
    return Ready(
        version="1.2.3",
        program=".venv/bin/batchin",
        url="http://127.0.0.1:8402",
        settings=Settings(data_dir=Path("/srv/my data")),
        network=network,
        chat_model="smollm2" if chats else None,
        demo_grade=chats,
        first_key=first_key,
    )


def printed(what: Ready, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    print_banner(what, out)
    return out.getvalue()


def test_the_first_start_shows_the_key_once_with_its_balance_and_what_to_try() -> None:
    text = printed(ready(FirstKey(KEY, 5_000_000_000)))
    assert text.startswith("batchin 1.2.3 is ready\n")
    assert f"export BATCHIN_API_KEY={KEY}\n" in text
    assert "balance $5.00" in text
    assert "http://127.0.0.1:8402/v1/mcp" in text
    assert "curl http://127.0.0.1:8402/v1/chat/completions" in text
    assert "demo grade" in text
    assert "the embedded dev chain" in text
    assert ".venv/bin/batchin demo --data-dir '/srv/my data'" in text


def test_a_key_that_the_operator_chose_is_not_printed() -> None:
    text = printed(ready(FirstKey(None, 5_000_000_000)))
    assert "BATCHIN_DEMO_KEY" in text
    assert "batchin_api_" not in text


def test_later_starts_tell_how_to_make_a_key() -> None:
    text = printed(ready(None))
    assert ".venv/bin/batchin keys create --data-dir '/srv/my data'" in text
    assert "batchin_api_" not in text


def test_what_a_server_does_not_have_is_not_promised() -> None:
    text = printed(ready(None, network=None, chats=False))
    assert "x402 is off" in text
    assert "curl" not in text
    assert "demo grade" not in text


def test_a_terminal_gets_a_panel_and_commands_that_can_be_copied() -> None:
    text = printed(ready(FirstKey(KEY, 1)), Terminal())
    assert "╭" in text
    assert "│" not in text.split("╰")[1]
    assert f"export BATCHIN_API_KEY={KEY}\n" in text


def test_the_program_is_named_so_that_it_can_be_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "batchin"
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.setattr("sys.executable", str(script.with_name("python")))
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == str(script)
    monkeypatch.chdir(tmp_path)
    assert program() == "bin/batchin"
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "batchin"
