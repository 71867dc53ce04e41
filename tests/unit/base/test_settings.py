"""Settings that only make sense together."""

from typing import Any

import pytest

from base.settings import SettingsError, load_settings


def test_production_does_not_take_play_money() -> None:
    with pytest.raises(SettingsError, match=r"network = 'dev'.*set network = none and name"):
        load_settings(environment="production")
    assert load_settings(environment="production", network="none").x402
    assert load_settings(environment="production", x402=False).environment == "production"
    assert load_settings(environment="development").x402 is True


@pytest.mark.parametrize(
    "given",
    [
        {"stripe": {"secret_key": "s3cret"}},
        {"stripe": {"secret_key": ["s3cret"], "webhook_secret": "s3cret"}},
        {"stripe": "s3cret"},
        {"deposits": {"xpub": {"s3cret": 1}}},
        {"networks": {"base": {"rpc_url": "https://s3cret"}}},
        {"networks": {"base": {"facilitators": [{"url": "x", "headers": {"a": ["s3cret"]}}]}}},
        {"models": [{"api_key": "s3cret"}]},
        {"record_signer": "https://signer", "record_signer_token": "s3cret"},
        {"otlp_headers": ["s3cret"]},
    ],
    ids=str,
)
def test_no_secret_is_repeated_in_what_is_wrong(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(**given)
    assert "s3cret" not in str(refused.value)


def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed() -> None:
    with pytest.raises(SettingsError, match=r"^moderation.categories.1 = 'bad': should be one of hara"):
        load_settings(moderation={"model": "m", "categories": ("", "bad")})
    with pytest.raises(SettingsError, match=r"^record_signer names a service: record_public_key has to"):
        load_settings(record_signer="https://signer")
