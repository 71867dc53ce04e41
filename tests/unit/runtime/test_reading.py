"""A text is cut where a reader would pause, and nothing of it is lost."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.local.kokoro import parts, sentences


def test_sentences_end_at_their_marks_and_lines_not_at_abbreviations() -> None:
    text = 'Dr. Smith is in. Is he? He said: "No." J. R. left\nthe house e.g. today'
    assert list(sentences(text)) == [
        "Dr. Smith is in.",
        "Is he?",
        'He said: "No."',
        "J. R. left",
        "the house e.g. today",
    ]


@given(st.text(alphabet="ab.!? \n\"'Dr", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(st.text(alphabet="ab ,;", max_size=80), st.integers(4, 20))
def test_parts_are_short_and_whole(phonemes: str, most: int) -> None:
    found = list(parts(phonemes.strip(), most))
    assert all(len(part) <= most for part in found)
    assert "".join("".join(found).split()) == "".join(phonemes.split())
