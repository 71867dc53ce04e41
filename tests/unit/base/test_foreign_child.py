"""A child of another interpreter: it runs a file of ours that can import nothing of ours."""

import sys
import venv
from pathlib import Path

import pytest

from base.child import Program, start

_CHILD = """
import sys

def main(parent):
    try:
        import base
    except ImportError:
        base = None
    print("the key is", parent.request["key"], "x" * 10_000, parent.request["key"], file=sys.stderr)
    parent.ready(prefix=sys.prefix, sees_us=base is not None, arguments=sys.argv[1:])
    sys.stderr.flush()
    sys.stdin.read()
"""


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    venv.create(tmp_path / "venv", symlinks=True)
    return tmp_path / "venv" / "bin" / "python"


async def test_it_runs_the_modules_file_and_its_secrets_stay_out_of_the_log(
    tmp_path: Path, interpreter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign_child_of_test.py").write_text(_CHILD)
    monkeypatch.syspath_prepend(str(tmp_path))
    secret = "k" * 32
    program = Program(
        name="a child",
        module="foreign_child_of_test",
        request={"key": secret},
        interpreter=interpreter,
        secrets=(secret,),
    )
    child = await start(program)
    try:
        assert child.facts["prefix"] == str(tmp_path / "venv") != sys.prefix
        assert child.facts["sees_us"] is False
        assert secret not in str(child.facts["arguments"])
    finally:
        await child.stop()
    assert child.last_words().startswith("the key is *** xxx")
    assert secret not in child.last_words()
