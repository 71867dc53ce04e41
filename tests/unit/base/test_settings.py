"""Settings that only make sense together."""

import pytest

from base.settings import SettingsError, load_settings


def test_production_does_not_take_play_money() -> None:
    with pytest.raises(SettingsError, match=r"network = 'dev'.*set network = none and name"):
        load_settings(environment="production")
    assert load_settings(environment="production", network="none").x402
    assert load_settings(environment="production", x402=False).environment == "production"
    assert load_settings(environment="development").x402 is True
