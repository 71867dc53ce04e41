"""Prices: exact sums over every unit, rounded up once."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.pricing import PriceCard, Quote
from base.usage import Usage

CARD = PriceCard("v1", 3, 7, nano_per_image=1_500_000, nano_per_second=333, nano_per_mchar=11)
COUNTS = st.integers(0, 2**40)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(), 0),
        (Usage(input_tokens=1), 1),
        (Usage(input_tokens=1_000_000, output_tokens=1_000_000), 10),
        (Usage(images=2), 3_000_000),
        (Usage(audio_ms=1_500), 500),
        (Usage(characters=1_000_000), 11),
        (Usage(input_tokens=1, audio_ms=1), 1),
    ],
)
def test_each_unit_has_its_price(usage: Usage, cost: int) -> None:
    assert CARD.cost_nano_usd(usage) == cost


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_exact_sum_is_rounded_up_once(
    sent: int, made: int, images: int, audio_ms: int, characters: int
) -> None:
    usage = Usage(sent, made, 0, images, audio_ms, characters)
    exact = (
        Fraction(sent * 3 + made * 7 + characters * 11, 1_000_000)
        + images * 1_500_000
        + Fraction(audio_ms * 333, 1_000)
    )
    assert CARD.cost_nano_usd(usage) == ceil(exact)


def test_what_exceeds_the_quote_is_not_charged() -> None:
    quote = Quote("model", CARD, Usage(images=1))
    assert quote.charge_nano_usd(Usage(images=3)) == quote.max_nano_usd == 1_500_000


def test_a_second_of_video_costs_what_a_second_of_sound_does() -> None:
    card = PriceCard("v", 0, 0, nano_per_second=2_000_000)
    assert card.cost_nano_usd(Usage(video_ms=1500)) == card.cost_nano_usd(Usage(audio_ms=1500))
    assert card.cost_nano_usd(Usage(video_ms=1500)) == 3_000_000
