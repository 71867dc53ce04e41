"""Price cards and quotes: a price is frozen into the quote, the cost follows from usage."""

from dataclasses import dataclass, field

from base.money import ceil_div, usd_text
from base.usage import Usage

_MILLION = 1_000_000
_WHOLE = 10_000
_SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class PriceCard:
    """Prices of one model in integer nano-USD: per million tokens, an image, a second of sound or
    video, a million characters. What a model does not count costs nothing.

    ``version`` names this card; evidence carries it, so a later price change can't touch a past call.
    """

    version: str
    input_nano_per_mtok: int
    output_nano_per_mtok: int
    nano_per_image: int = 0
    nano_per_second: int = 0
    nano_per_mchar: int = 0

    def cost_nano_usd(self, usage: Usage) -> int:
        """Exact rational cost, rounded up once per call."""
        exact = (
            usage.input_tokens * self.input_nano_per_mtok
            + usage.output_tokens * self.output_nano_per_mtok
            + usage.characters * self.nano_per_mchar
            + usage.images * self.nano_per_image * _MILLION
            + (usage.audio_ms + usage.video_ms) * self.nano_per_second * (_MILLION // _SECOND_MS)
        )
        return ceil_div(exact, _MILLION)

    def other_usd(self) -> dict[str, str]:
        """The prices that are not of tokens, as exact decimal dollars by their unit."""
        prices = {
            "second": self.nano_per_second,
            "million_characters": self.nano_per_mchar,
            "image": self.nano_per_image,
        }
        return {unit: usd_text(nano) for unit, nano in prices.items() if nano}

    def at_rate(self, rate: "Rate") -> "PriceCard":
        if rate.per_10000 == _WHOLE:
            return self
        return PriceCard(
            f"{self.version}*{rate.name}",
            rate.of(self.input_nano_per_mtok),
            rate.of(self.output_nano_per_mtok),
            rate.of(self.nano_per_image),
            rate.of(self.nano_per_second),
            rate.of(self.nano_per_mchar),
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """The most that one call may cost, and the card by which its cost will be computed.

    ``kept_nano_usd`` is the most of work that the call starts and that is charged later, part by part.
    ``bought_nano_usd`` is balance that the call buys: money from outside pays for it, no balance does.
    """

    model: str
    card: PriceCard
    bound: Usage
    kept_nano_usd: int = 0
    bought_nano_usd: int = 0
    max_nano_usd: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        most = self.card.cost_nano_usd(self.bound) + self.kept_nano_usd + self.bought_nano_usd
        object.__setattr__(self, "max_nano_usd", most)

    @property
    def named_model(self) -> str | None:
        """The model that a key must be made for: None where none runs, or parts name their own."""
        return None if self.kept_nano_usd or self.bought_nano_usd else self.model

    def charge_nano_usd(self, usage: Usage) -> int:
        """min(actual, quoted): an excess over the quote is ours."""
        return min(self.card.cost_nano_usd(usage), self.max_nano_usd)

    def at_rate(self, rate: "Rate") -> "Quote":
        """The same call at a part of its price; the card names the rate."""
        return Quote(self.model, self.card.at_rate(rate), self.bound)


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of a price, in ten-thousandths; ``name`` stands in the version of its cards."""

    name: str
    per_10000: int

    def of(self, nano_usd: int) -> int:
        """Rounded up: a price is never undershot."""
        return ceil_div(nano_usd * self.per_10000, _WHOLE)
