"""``batchin prompts``: pushed, promoted, rolled back by one command, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.commands.failure import CommandFailed


@pytest.fixture
def batchin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--data-dir", str(tmp_path / "data")])
        told = capsys.readouterr()
        assert left.value.code in (0, None), told.err
        return told.out

    run("accounts", "create", "acme")
    return run


def test_a_prompt_is_rolled_back_by_one_command(batchin: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.json"
    first.write_text("Greet {{guest}}.")
    second.write_text(json.dumps({"messages": [{"role": "user", "content": "Hail {{guest}}!"}]}))
    assert "greeter@v1 is promoted" in batchin("prompts", "push", "greeter", str(first), "--promote")
    assert "greeter@v2 is there" in batchin("prompts", "push", "greeter", str(second))
    assert batchin("prompts", "promote", "greeter", "v2") == "Promoted: greeter@v2.\n"
    assert batchin("prompts", "rollback", "greeter") == "Promoted: greeter@v1.\n"
    listed = batchin("prompts", "list")
    assert "greeter@v1" in listed
    assert "registered" in listed
    [prompt] = json.loads(batchin("prompts", "list", "--json"))
    assert [version["status"] for version in prompt["versions"]] == ["promoted", "registered"]


def test_a_file_that_is_no_prompt_is_told(batchin: Any, tmp_path: Path) -> None:
    file = tmp_path / "prompt.json"
    file.write_text("[")
    with pytest.raises((CommandFailed, AssertionError), match="no JSON"):
        batchin("prompts", "push", "greeter", str(file))
