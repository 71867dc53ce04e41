"""Where the keys of records and of the log are: two places, two keys."""

from pathlib import Path

import pytest

from base.secret_file import KeyFileError
from base.settings import load_settings
from server.signing import log_signer_of, ring_of
from tests.clocks import HandClock


def test_one_seed_in_two_variables_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_SEED", "ab" * 32)
    monkeypatch.setenv("RECORD_SEED", "ab" * 32)
    settings = load_settings(None, log_signer="env:LOG_SEED", record_signer="env:RECORD_SEED")
    log = log_signer_of(settings, tmp_path)
    with pytest.raises(KeyFileError, match="each needs its own"):
        ring_of(settings, tmp_path, HandClock(), log)
    monkeypatch.setenv("RECORD_SEED", "cd" * 32)
    assert not ring_of(settings, tmp_path, HandClock(), log).ours
