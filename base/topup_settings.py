"""How people fund their balance, as the settings name it."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from base.money import usd_to_nano


class DepositSettings(BaseModel):
    """Top-ups by sending USDC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    xpub: SecretStr = Field(
        description=(
            "Extended public key (xpub...) that each account's deposit address is derived from; the "
            "private keys never come to this machine."
        )
    )


class StripeSettings(BaseModel):
    """Top-ups by card."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_key: SecretStr = Field(description="Secret or restricted API key (sk_..., rk_...).")
    webhook_secret: SecretStr = Field(description="Signing secret of the webhook endpoint (whsec_...).")
    api_base: str = Field(
        "https://api.stripe.com", pattern=r"^https?://[^/?#]+$", description="Stripe's API."
    )


class AlipaySettings(BaseModel):
    """Top-ups by Alipay; keys in PEM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app_id: str = Field(pattern=r"^\d{1,32}$", description="Id of the app.")
    seller_id: str = Field(pattern=r"^\d{1,32}$", description="PID that notifications must name.")
    private_key: SecretStr = Field(description="RSA key of the app, PEM.")
    public_key: str = Field(description="Alipay's RSA public key, PEM.")
    usd_per_cny: str = Field(
        pattern=r"^0\.\d{1,7}$",
        description="What a yuan buys, dollars; fixed for an order when it is made.",
    )
    gateway: str = Field(
        "https://openapi.alipay.com/gateway.do", pattern=r"^https?://\S+$", description="Its pages."
    )

    @property
    def nano_per_fen(self) -> int:
        return usd_to_nano(self.usd_per_cny) // 100

    @field_validator("private_key")
    @classmethod
    def _is_private(cls, value: SecretStr) -> SecretStr:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(value.get_secret_value().encode(), None)
        except (ValueError, TypeError):
            raise ValueError("should be an RSA key in PEM, without a password") from None
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("should be an RSA key")
        return value

    @field_validator("public_key")
    @classmethod
    def _is_public(cls, value: str) -> str:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(value.encode())
        except ValueError:
            raise ValueError("should be an RSA public key in PEM") from None
        if not isinstance(key, RSAPublicKey):
            raise ValueError("should be an RSA public key")
        return value
