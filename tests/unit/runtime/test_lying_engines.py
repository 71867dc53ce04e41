"""Answers that no honest engine gives are faults: they cost nothing and hold nothing."""

import base64
import struct

import orjson
import pytest

from runtime.engine import EngineCall, Fault, Modality
from runtime.openai_chat import ChatPiece
from runtime.openai_embeddings import vectors_of
from runtime.openai_pictures import pictures_of
from runtime.openai_scores import labels_of, scores_of
from runtime.openai_sound import sound_of, transcript_of
from runtime.openai_stream import StreamReader
from runtime.openai_text import text_piece
from runtime.tallies import LastUsage, usage_of
from tests.fake_sglang.media import gray
from tests.unit.runtime.test_media import wav
from tests.unit.tools.test_invoke import SERVED


def reader() -> StreamReader:
    return StreamReader(1, ChatPiece(0), LastUsage(), lambda _: SERVED)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("tokens", [-1, 10**15, 1e30, "inf"])
def test_counts_that_no_call_can_have(tokens: object) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": 1}
    (*_, streamed) = reader().events(orjson.dumps({"choices": [], "usage": usage}))
    row = {"index": 0, "embedding": [0.5]}
    embedded = vectors_of(orjson.dumps({"data": [row], "usage": usage}), 1)
    ranked = scores_of(orjson.dumps({"results": [{"index": 0, "score": 1}], "usage": usage}), 1)
    assert all(isinstance(answer, Fault) for answer in (streamed, embedded, ranked))


@pytest.mark.parametrize(
    "delta",
    [
        {"content": 5},
        {"content": ["a"]},
        {"reasoning_content": {"a": 1}},
        {"tool_calls": "bad"},
        {"tool_calls": [{"index": 0, "id": 1}]},
        {"tool_calls": [{"index": "first", "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0.5, "function": {"name": "f"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": {"a": 1}}}]},
    ],
)
def test_deltas_of_other_types(delta: object) -> None:
    chunk = {"choices": [{"index": 0, "delta": delta}]}
    (*_, last) = reader().events(orjson.dumps(chunk))
    assert isinstance(last, Fault)


@pytest.mark.parametrize("index", [0.0, 0.5, False, "0", None])
def test_choices_that_have_no_place(index: object) -> None:
    (*_, last) = reader().events(
        orjson.dumps({"choices": [{"index": index, "delta": {"content": "a"}}]})
    )
    assert isinstance(last, Fault)


def test_tokens_that_are_no_texts() -> None:
    entry: dict[str, object] = {"token": 5, "logprob": -1.0, "bytes": None, "top_logprobs": []}
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [entry]}}
    (*_, last) = reader().events(orjson.dumps({"choices": [choice]}))
    assert isinstance(last, Fault)
    told = {"tokens": [5], "token_logprobs": [-1.0], "top_logprobs": [{}]}
    with pytest.raises(TypeError):
        text_piece({"index": 0, "text": "a", "logprobs": told})


@pytest.mark.parametrize("bytes_", [b"", b"12345", struct.pack("<2f", 1, float("nan")), b"\0\0\x80\x7f"])
def test_bytes_that_are_no_vector(bytes_: bytes) -> None:
    row = {"index": 0, "embedding": base64.b64encode(bytes_).decode()}
    assert isinstance(vectors_of(orjson.dumps({"data": [row], "usage": {"prompt_tokens": 1}}), 1), Fault)


def test_probabilities_that_are_no_numbers() -> None:
    row = {"index": 0, "label": "a", "probs": ["nan", 0.5]}
    assert isinstance(labels_of(orjson.dumps({"data": [row], "usage": {"prompt_tokens": 1}}), 1), Fault)


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
def test_an_error_is_no_sound_though_its_status_says_so(name: str) -> None:
    asked = {"input": "hi", "voice": "v", "format": name, "speed": 1.0}
    call = EngineCall("run_1", Modality.SPEECH, "m", asked, "acct_1")
    assert isinstance(sound_of(call, b'{"error": "no such voice"}'), Fault)


_SOUNDS = {
    "mp3": b"\xff\xfb\x90\x64" + bytes(60),
    "aac": b"\xff\xf1\x50\x80" + bytes(60),
    "opus": b"OggS" + bytes(22) + b"\x01\x13" + b"OpusHead" + bytes(30),
    "flac": b"fLaC" + bytes(60),
    "wav": wav(0.5),
}


@pytest.mark.parametrize("name", list(_SOUNDS))
@pytest.mark.parametrize("given", list(_SOUNDS))
def test_a_sound_of_another_format(name: str, given: str) -> None:
    assert isinstance(spoken(name, _SOUNDS[given]), Fault) is (name != given)


def test_a_sound_that_is_none() -> None:
    assert isinstance(spoken("wav", wav(0)), Fault)


def test_a_sound_is_as_long_as_what_is_there() -> None:
    told = spoken("wav", wav(2)[:-8000])
    assert isinstance(told, tuple)
    assert told[0].duration_ms == 1500


def spoken(name: str, file: bytes) -> object:
    asked = {"input": "hi", "voice": "v", "format": name, "speed": 1.0}
    return sound_of(EngineCall("run_1", Modality.SPEECH, "m", asked, "acct_1"), file)


@pytest.mark.parametrize("duration", [-5000, "inf", "nan", 1e300, 10**15, None])
def test_sound_of_impossible_length(duration: object) -> None:
    assert isinstance(transcript_of(orjson.dumps({"duration": duration, "text": "x"})), Fault)


@pytest.mark.parametrize("end", [-1, "inf", "nan", 1e300])
def test_segments_of_impossible_times(end: object) -> None:
    segment = {"start": 0, "end": end, "text": "x"}
    answer = {"duration": 1, "text": "x", "segments": [segment]}
    assert isinstance(transcript_of(orjson.dumps(answer)), Fault)


def test_a_vector_that_no_float32_holds() -> None:
    row = {"index": 0, "embedding": [1e300]}
    assert isinstance(vectors_of(orjson.dumps({"data": [row], "usage": {"prompt_tokens": 1}}), 1), Fault)


def test_no_more_tokens_were_cached_than_sent() -> None:
    told = {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 10**9}}
    assert usage_of(told).cached_tokens == 5


@pytest.mark.parametrize("kept", [33, -12, -1])
def test_a_picture_that_is_cut(kept: int) -> None:
    assert isinstance(pictures((16, 16), gray(16, 16, 7)[:kept]), Fault)


def pictures(size: tuple[int, int], file: bytes, **more: object) -> object:
    """What one picture that was asked for in that size is understood as."""
    asked = {"width": size[0], "height": size[1], "seeds": [7], **more}
    call = EngineCall("run_1", Modality.IMAGE, "media", asked, "acct")
    return pictures_of(call, orjson.dumps({"data": [{"b64_json": base64.b64encode(file).decode()}]}))


@pytest.mark.parametrize(
    ("asked", "made", "right"),
    [
        ((256, 256), (256, 256), True),
        ((256, 256), (256, 240), False),  # it fits every grid
        ((256, 256), (512, 512), False),
        ((250, 330), (240, 320), True),  # rounded to a grid of 16, or of 32
        ((250, 330), (224, 320), True),
        ((250, 330), (256, 352), True),
        ((250, 330), (250, 330), True),
        ((250, 330), (330, 250), False),
        ((250, 330), (250, 288), False),
    ],
)
def test_a_picture_of_another_size(asked: tuple[int, int], made: tuple[int, int], right: bool) -> None:
    told = pictures(asked, gray(*made, 7))
    assert isinstance(told, Fault) is not right


def test_a_picture_that_is_changed_may_keep_its_shape() -> None:
    assert not isinstance(pictures((256, 256), gray(64, 32, 7), pictures=["one"]), Fault)
