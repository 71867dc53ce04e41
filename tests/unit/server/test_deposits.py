"""The key of deposits in the settings: public, or the start ends with a sentence."""

from pathlib import Path

import pytest

from base.clock import SystemClock
from base.settings import SettingsError, load_settings
from server.deposits import deposits_of
from tests.unit.settlement.chain.test_hd import MASTER, PRIVATE


@pytest.mark.parametrize(("xpub", "why"), [(PRIVATE, "is a private key"), (MASTER[:-1], "checksum")])
async def test_a_key_that_is_not_public_stops_the_start_and_is_not_shown(
    tmp_path: Path, xpub: str, why: str
) -> None:
    settings = load_settings(data_dir=tmp_path, network="none", deposits={"xpub": xpub})
    with pytest.raises(SettingsError, match=f"deposits.xpub: .*{why}") as stopped:
        async with deposits_of(settings, None, None, SystemClock()):  # type: ignore[arg-type] # not reached
            pass
    assert xpub not in str(stopped.value)


async def test_without_a_chain_and_a_key_nobody_deposits(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, network="none")
    async with deposits_of(settings, None, None, SystemClock()) as none:  # type: ignore[arg-type] # unused
        assert none is None
