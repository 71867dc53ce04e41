"""Every setting of the server: ``batchin.toml``, then ``BATCHIN_*`` variables, then flags."""

import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from base.agent_settings import AgentSettings
from base.engine_settings import EngineSettings, Lane
from base.limit_settings import LimitSettings
from base.moderation_settings import ModerationSettings
from base.network_settings import NetworkName, NetworkSettings
from base.outbound.addresses import network_of
from base.setting_errors import sentence
from base.topup_settings import AlipaySettings, DepositSettings, StripeSettings

TimeoutScope = Annotated[str, Field(pattern=r"^(key|workspace|lane|region):\S+$")]
ModelStatus = Literal["always_on", "on_demand", "unavailable"]
EvmAddress = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]


def default_data_dir() -> Path:
    """The user's data folder (XDG base directory specification, macOS convention)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "batchin"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "batchin"


class ModelSettings(BaseModel):
    """One model of the catalog: its price, limits and names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="Id that callers ask for.")
    modality: Literal[
        "chat", "embedding", "rerank", "classify", "speech", "transcription", "image", "video"
    ] = Field(description="What the model does.")
    input_usd_per_mtok: str = Field("0.02", description="Price of a million input tokens, dollars.")
    output_usd_per_mtok: str = Field("0.08", description="Price of a million output tokens, dollars.")
    image_usd: str = Field("0", description="Price of one image, dollars.")
    second_usd: str = Field("0", description="Price of a second of sound or video, dollars.")
    mchar_usd: str = Field("0", description="Price of a million characters of text, dollars.")
    context_length: int = Field(4096, ge=1, description="Most tokens of input and output together.")
    license: str = Field("unknown", description="SPDX id of the weights' licence.")
    vision: bool = Field(
        False,
        description=(
            "Whether the model takes images: a chat model to see, an image model to edit, a video model "
            "to begin with."
        ),
    )
    infill: bool = Field(
        False, description="Its SGLang has a completion template: suffix is filled in natively."
    )
    aliases: tuple[str, ...] = Field((), description="Other ids answered by this model.")
    status: ModelStatus | None = Field(
        None,
        description=(
            "always_on, on_demand (loads when it is called) or unavailable (listed, and refused with "
            "503); by default what its engine is."
        ),
    )
    lanes: tuple[Lane, ...] = Field(
        (), description="Lanes whose calls it takes; by default all of its engines."
    )


Part = Annotated[Decimal, Field(ge=0, le=10, decimal_places=4)]


class BatchPrices(BaseModel):
    """What a task of a batch pays of the price of the same call alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    high: Part = Field(Decimal("1.0"), description="Of batches that go first.")
    low: Part = Field(Decimal("0.5"), description="Of the others.")
    fill: Part = Field(Decimal("0.25"), description="Of those that run on idle engines alone.")


class Settings(BaseSettings):
    """Each field is a key of ``batchin.toml`` and, upper-cased behind ``BATCHIN_``, a variable."""

    model_config = SettingsConfigDict(
        env_prefix="BATCHIN_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8402, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+$",
        description="Base URL that callers see, without a path; by default http://HOST:PORT.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of the database, keys and sockets."
    )
    cache_dir: Path | None = Field(
        None, description="Folder of downloaded models; by default the user's cache folder."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host headers accepted on /v1/mcp beside the public URL's and loopback's."
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Origin headers accepted on /v1/mcp beside the public URL's and loopback's."
    )
    outbound_allow: tuple[str, ...] = Field(
        (),
        description="Networks (CIDR) that requests to callers' URLs may reach beside public addresses.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses whose X-Forwarded-* headers are believed."
    )
    security_contact: str | None = Field(
        None,
        pattern=r"^(mailto:|https://|tel:)\S+$",
        description="URI for vulnerability reports; when set, /.well-known/security.txt is served.",
    )
    environment: Literal["development", "production"] = Field(
        "development", description="Named in evidence; production refuses the dev chain."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line written; the line of a call is info."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="Log lines as JSON or text; auto is text on a terminal."
    )

    engine: str = Field(
        "local",
        pattern=r"^(local|none|sglang|(sglang|openai)=https?://[^,\s]+(,https?://[^,\s]+)*)$",
        description=(
            "Engine: local, none, sglang (launched here), sglang=URL or openai=URL (any compatible "
            "server); several replicas by commas. With [[engines]] the default is none."
        ),
    )
    engines: tuple[EngineSettings, ...] = Field(
        (), description="Engines beside the one that engine names ([[engines]])."
    )
    grid_gco2e_per_kwh: int | None = Field(
        None, ge=0, le=10_000, description="Carbon intensity of the engines' power, grams CO2e a kWh."
    )
    grid_source: str = Field(
        "", max_length=256, description="Source of that intensity; records of calls name it."
    )
    model: str = Field(
        "smollm2",
        description=(
            "Model of the local engine: smollm2, a path to a .gguf file, or hf:OWNER/REPO:FILE. Of a "
            "launched SGLang: a folder or a hub id."
        ),
    )
    sglang_python: Path | None = Field(
        None,
        description="Python that has SGLang; by default that of batchin engines install sglang.",
    )
    sglang_args: tuple[str, ...] = Field(
        (), description="Further flags of a launched SGLang, each a word of its own."
    )
    sglang_start_s: float = Field(
        900.0, gt=0, description="Longest time that a launched SGLang takes until it serves."
    )
    sglang_silence_s: float = Field(
        60.0,
        gt=0,
        description="A launched SGLang that answers nothing for so long is ended and started again.",
    )
    engine_admin_key: SecretStr | None = Field(
        None, description="Admin key of an attached SGLang, where it has one: cut calls end at once."
    )
    engine_api_key: SecretStr | None = Field(
        None, description="Bearer key that the replicas of engine ask for."
    )
    engine_threads: int = Field(0, ge=0, description="Threads of the local engine; 0: cores but one.")
    engine_idle_s: float = Field(
        600.0, gt=0, description="A local engine in a child of its own ends it after resting so long."
    )
    illustrator: bool = Field(
        True, description="Serve the embedded illustrator, which composes pictures from vector art."
    )
    image_ttl_s: int = Field(
        86_400, ge=60, description="How long the link of a picture works (response_format url)."
    )
    strict_models: bool = Field(False, description="Turn the catalog's model aliases off.")
    models: tuple[ModelSettings, ...] = Field((), description="Models of attached engines ([[models]]).")
    moderation: ModerationSettings | None = Field(
        None, description="What answers /v1/moderations ([moderation])."
    )
    limits: tuple[LimitSettings, ...] = Field(
        (), description="Rates by key, workspace, lane and region ([[limits]]), beside keys' own."
    )
    stripe: StripeSettings | None = Field(None, description="Top-ups by card ([stripe]).")
    alipay: AlipaySettings | None = Field(None, description="Top-ups by Alipay ([alipay]).")
    deposits: DepositSettings | None = Field(
        None, description="Top-ups by sending USDC on the chains of [networks.NAME] ([deposits])."
    )
    topup_return_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Where people come back to from a checkout; by default this server.",
    )
    max_running: int = Field(
        4,
        ge=1,
        description="Calls that an engine executes at once; 256 for attached ones unless this is set.",
    )
    max_queued: int = Field(
        256, ge=0, description="Calls of one lane that wait for an engine before 503."
    )
    silence_s: float = Field(
        30.0,
        gt=0,
        description="An engine that has calls in hand and sends no byte for so long gets no more.",
    )
    hedge: bool = Field(
        False, description="Ask a second replica too when a first token is unusually late."
    )
    power_w: float | None = Field(
        None, gt=0, description="Power that an engine of engine draws while it works, watts."
    )
    measure_power: bool = Field(
        False,
        description="Measure the power under the engines that run here: of the CPUs (RAPL), of the GPUs "
        "of a launched SGLang (NVML); goes before power_w.",
    )
    timeout_s: float = Field(300.0, gt=0, description="Longest duration of a call.")
    timeouts: dict[TimeoutScope, Annotated[float, Field(gt=0)]] = Field(
        {}, description="Shorter ones by key:ID, workspace:NAME, lane:NAME, region:NAME; the least wins."
    )
    capture_s: float = Field(
        60.0,
        gt=0,
        description="Longest wait for a finished call to be charged durably; its answer is withheld "
        "then. A payment on a chain is waited for half as long.",
    )
    first_event_s: float = Field(120.0, gt=0, description="Longest wait for an engine's first event.")
    between_events_s: float = Field(
        60.0,
        gt=0,
        description=(
            "Longest silence of an engine in a stream; a local engine that says nothing at all for so "
            "long is ended and started again."
        ),
    )
    video_silence_s: float = Field(
        900.0, gt=0, description="Longest time in which a video does not get on at its engine."
    )
    max_output_tokens: int = Field(
        1024, ge=1, description="Output tokens when a chat call does not say how many."
    )

    max_body_bytes: int = Field(2_097_152, ge=1024, description="Largest request body accepted.")
    max_message_bytes: int = Field(
        8_388_608,
        ge=1024,
        description="Largest message accepted on /v1/mcp: above max_body_bytes it should carry a file "
        "in base64, and little else.",
    )
    max_upload_bytes: int = Field(
        26_214_400, ge=1024, description="Largest form with a file accepted, where files are taken."
    )
    max_audio_s: float = Field(1500.0, gt=0, description="Longest sound transcribed in one call.")
    max_file_bytes: int = Field(536_870_912, ge=1024, description="Largest file that can be uploaded.")
    account_files: int = Field(10_000, ge=1, description="Most files that one account keeps.")
    account_file_bytes: int = Field(
        10_737_418_240, ge=1024, description="Most bytes of files that one account keeps."
    )
    file_ttl_s: int = Field(
        2_592_000, ge=3600, description="Lifetime of files whose upload does not say how long they live."
    )
    account_jobs: int = Field(
        1000,
        ge=1,
        description="Most batches, videos and responses in the background of one account that have not "
        "ended.",
    )
    batch_tasks: int = Field(1_000_000, ge=1, description="Most tasks of one batch.")
    batch_running: int = Field(
        16, ge=1, description="Tasks of batches that run at once; each engine has its own limit too."
    )
    video_window_s: int = Field(
        21_600, ge=60, description="Longest time in which a video is made; after it, it is given back."
    )
    response_window_s: int = Field(
        86_400,
        ge=60,
        description="Longest time in which a response in the background is made; after it, it fails "
        "unpaid.",
    )
    batch_prices: BatchPrices = Field(
        BatchPrices(), description="Part of the price that tasks of a batch pay, by priority."
    )
    header_timeout_s: float = Field(10.0, gt=0, description="Longest time to receive a request's head.")
    idle_timeout_s: float = Field(75.0, gt=0, description="Keep-alive time of an idle connection.")
    send_timeout_s: float = Field(
        30.0, gt=0, description="A reader that takes nothing for so long is cut."
    )
    drain_s: float = Field(30.0, ge=0, description="Time that open calls get at shutdown.")
    task_after_s: float = Field(
        20.0, ge=0, description="A call over MCP that takes longer goes on as a task, if its client can."
    )
    response_ttl_s: int = Field(
        2_592_000, ge=60, description="How long a stored response is kept, sealed, before it is deleted."
    )
    prompt_sample_ttl_s: int = Field(
        604_800,
        ge=60,
        description="How long samples of calls by prompt are kept, sealed, for keys that opted in.",
    )
    idempotency_ttl_s: int = Field(
        86_400, ge=60, description="How long an answer is kept, sealed, for its Idempotency-Key."
    )
    idempotent_rpm: int = Field(
        120,
        ge=1,
        description="Free requests a minute of one account that name an Idempotency-Key.",
    )
    span_ttl_s: int = Field(
        604_800,
        ge=0,
        description="How long the spans of traces are kept; 0 keeps none.",
    )
    spans_kept: int = Field(
        100_000, ge=0, description="Most spans that an account may have sent and that are still kept."
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Collector that spans of calls are pushed to: http://collector:4318/v1/traces.",
    )
    otlp_headers: SecretStr | None = Field(
        None,
        description="Headers for the collector: name=value,name=value; values may be percent-encoded.",
    )
    otlp_body_bytes: int = Field(
        4_194_304, ge=1024, description="Largest body of sent spans, packed and unpacked."
    )
    task_ttl_s: int = Field(
        86_400, ge=60, description="How long after its call a task can be asked about."
    )

    x402: bool = Field(True, description="Accept x402 payments.")
    network: Literal["dev", "none"] = Field(
        "dev",
        validate_default=True,
        description="Embedded chain of x402 payments: dev is eip155:31337, play money.",
    )
    networks: dict[NetworkName, NetworkSettings] = Field(
        {}, description="Public chains on which x402 payments are taken ([networks.NAME])."
    )
    pay_to: EvmAddress | None = Field(None, description="Address that receives x402 payments.")
    min_charge_atomic: int = Field(
        1, ge=1, description="Least amount of one x402 payment, in atomic USDC (millionths)."
    )
    unsettled_calls: int = Field(
        32, ge=1, description="Calls of one wallet at once whose x402 payments are not settled yet."
    )
    unsettled_usd: str = Field(
        "1000",
        pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
        description="What all x402 payments that are not settled yet add up to at most, dollars.",
    )
    result_ttl_s: int = Field(
        600, ge=60, description="How long a paid result can be fetched again with the same payment."
    )
    access_token_ttl_s: int = Field(
        2_592_000,
        ge=60,
        description="Lifetime of the token that opens what a payment bought, and of that of a sign-in.",
    )
    log_signer: str = Field(
        "file",
        pattern=r"^(file|env:[A-Za-z_][A-Za-z0-9_]*|https?://[^\s]+)$",
        description=(
            "Where the key of the log is: file (keys/log.key), env:NAME (64 hex digits), or the URL of "
            "a service that signs, with log_public_key."
        ),
    )
    log_public_key: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="The key that the service signs with, in hex."
    )
    log_signer_token: SecretStr | None = Field(
        None, description="Bearer token that the service asks for."
    )
    record_signer: str = Field(
        "file",
        pattern=r"^(file|env:[A-Za-z_][A-Za-z0-9_]*|https?://[^\s]+)$",
        description=(
            "Where the key of records and receipts is: file (keys/receipt.key, which batchin signing "
            "rotates), env:NAME (64 hex digits), or the URL of a service that signs, with "
            "record_public_key."
        ),
    )
    record_public_key: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="The key that the service of records signs with, in hex.",
    )
    record_signer_token: SecretStr | None = Field(
        None, description="Bearer token that the service of records asks for."
    )
    proof_rpm: int = Field(
        1200,
        ge=1,
        description="Requests a minute that one address may make to the free routes of proof.",
    )
    agent: AgentSettings = Field(
        AgentSettings(), description="The server as an agent of ERC-8004 ([agent])."
    )
    attest_mchar_usd: str = Field(
        "0.10",
        pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
        description="Price of a million characters of outside texts that are attested, dollars.",
    )
    demo_key: SecretStr | None = Field(
        None,
        description="Fixes the first API key, for scripts: batchin_api_ and 32 to 128 of A-Za-z0-9_-.",
    )
    demo_balance_usd: str = Field("5.00", description="Balance of the account made at first start.")

    @model_validator(mode="before")
    @classmethod
    def _engines_alone(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Who names engines need not say that the local one is not wanted."""
        return {"engine": "none", **data} if data.get("engines") else data

    @field_validator("network")
    @classmethod
    def _no_play_money_in_production(cls, value: str, info: ValidationInfo) -> str:
        if value == "dev" and info.data.get("environment") == "production" and info.data.get("x402"):
            raise ValueError(
                "production does not take the development chain's money; set network = none and name "
                "[networks.*], or x402 = false"
            )
        return value

    @model_validator(mode="after")
    def _pinned_signer(self) -> "Settings":
        if self.log_signer.startswith("http") and self.log_public_key is None:
            raise ValueError("log_signer names a service: log_public_key has to say which key it has")
        if self.record_signer.startswith("http") and self.record_public_key is None:
            raise ValueError(
                "record_signer names a service: record_public_key has to say which key it has"
            )
        same_place = self.record_signer == self.log_signer != "file"
        named_apart = self.record_public_key != self.log_public_key
        if same_place and not (self.record_signer.startswith("http") and named_apart):
            raise ValueError("record_signer and log_signer name one key: each needs its own")
        return self

    @field_validator("outbound_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            network_of(text)
        return value

    @field_validator("demo_key")
    @classmethod
    def _demo_key_form(cls, value: SecretStr | None) -> SecretStr | None:
        import re

        if value and not re.fullmatch(r"batchin_api_[A-Za-z0-9_-]{32,128}", value.get_secret_value()):
            raise ValueError("must be batchin_api_ followed by 32 to 128 of A-Z a-z 0-9 _ -")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=_config_file(init_settings()))
        return (_Flags(settings_cls, init_settings()), env_settings, toml)


_CONFIG_KEY = "config_file_"


class _Flags(PydanticBaseSettingsSource):
    """The command line's flags, without the path of the configuration file."""

    def __init__(self, settings_cls: type[BaseSettings], flags: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        self._flags = {key: value for key, value in flags.items() if key != _CONFIG_KEY}

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._flags.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._flags


def _config_file(flags: dict[str, Any]) -> Path | None:
    given = flags.get(_CONFIG_KEY) or os.environ.get("BATCHIN_CONFIG")
    return Path(given) if given else Path("batchin.toml")


class SettingsError(Exception):
    """A wrong setting; the message names each setting, the value and what is allowed."""


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Read all sources; flags that are None are not given.

    Raises SettingsError when a value is wrong, a key is unknown or the named file is missing.
    """
    if config is not None and not config.is_file():
        raise SettingsError(f"--config {config}: no such file")
    given = {key: value for key, value in flags.items() if value is not None}
    if config is not None:
        given[_CONFIG_KEY] = str(config)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(sentence(item, Settings) for item in error.errors())) from None
