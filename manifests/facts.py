"""What the documents tell about a running server beside its settings and its tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class ModelFact:
    """A model of the catalog. Prices are exact decimal strings of USD per million tokens, and of USD per
    ``other`` unit (``second``, ``million_characters``, ``image``) where those cost; ``served_by`` is the
    model that truly answers, which differs from ``id`` for an alias; ``sees`` tells whether it takes
    pictures."""

    id: str
    modality: str
    input_usd_per_mtok: str
    output_usd_per_mtok: str
    context_length: int
    license: str
    served_by: str
    other: Mapping[str, str] = field(default_factory=dict)
    sees: bool = False


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """The x402 rail: the chain (CAIP-2), the token and who is paid. ``pay_to`` is None in documents
    that are rendered without a server. ``others`` are the terms on more chains."""

    network: str
    asset: str | None
    asset_name: str
    asset_version: str
    pay_to: str | None
    min_charge_atomic: int
    schemes: Sequence[str] = ("exact",)
    others: Sequence["PaymentFact"] = ()

    @property
    def each(self) -> Sequence["PaymentFact"]:
        """The terms on every chain, this one first."""
        return (self, *self.others)

    @property
    def networks(self) -> Sequence[str]:
        return tuple(payment.network for payment in self.each)


@dataclass(frozen=True, slots=True)
class KeyFact:
    """A key of evidence and receipts: its id, its 32 bytes in hex, and when it ended (ISO 8601), retired
    or revoked; "" for the one in use."""

    key_id: str
    verify_key_hex: str
    ended_at: str = ""
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class AgentFact:
    """The server's entry in an Identity Registry of ERC-8004: ``namespace:chainId:address``, and its id
    there, 0 for the first."""

    registry: str
    agent_id: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One server. ``base_url`` is what callers see, without a path; ``payment`` is None where x402 is
    off, ``key`` None where no server runs; ``past_keys`` signed earlier records, oldest first;
    ``rendered_on`` is the day of the start, from which security.txt counts its validity; ``agent``
    is None while the server is in no registry."""

    version: str
    base_url: str
    models: Sequence[ModelFact]
    payment: PaymentFact | None = None
    key: KeyFact | None = None
    rendered_on: date | None = None
    past_keys: Sequence[KeyFact] = ()
    agent: AgentFact | None = None

    @property
    def mcp_url(self) -> str:
        return f"{self.base_url}/v1/mcp"
