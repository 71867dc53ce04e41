"""Sound is bought as words are: by one payment, without a key."""

import base64
import io
import wave
from typing import Any

from tests.contract.x402.shop import Shop, decoded

SPEECH = "/v1/audio/speech"
LINE: dict[str, Any] = {"model": "cosyvoice", "input": "Paid by a wallet.", "response_format": "wav"}


async def test_a_wallet_buys_a_spoken_line_once(shop: Shop) -> None:
    payment = await shop.sign(SPEECH, LINE)
    paid = await shop.pay(SPEECH, LINE, payment)
    assert paid.status_code == 200, paid.text
    assert paid.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(paid.content)) as file:
        assert file.getnframes() > file.getframerate() / 2
    assert decoded(paid.headers["payment-response"])["success"] is True
    again = await shop.pay(SPEECH, LINE, payment)
    assert (again.content, again.headers["x-batchin-run-id"]) == (
        paid.content,
        paid.headers["x-batchin-run-id"],
    )


async def test_what_can_not_be_spoken_is_refused_before_a_challenge(shop: Shop) -> None:
    refused = await shop.send(SPEECH, {**LINE, "voice": "nobody"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "voice")


async def test_a_file_is_measured_before_it_is_priced(shop: Shop) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000 * 3))
    async with shop.client() as client:
        answer = await client.post(
            "/v1/audio/transcriptions",
            files={"file": ("s.wav", sound.getvalue())},
            data={"model": "whisper-large-v3-turbo"},
        )
        junk = await client.post(
            "/v1/audio/transcriptions",
            files={"file": ("s.wav", b"no sound")},
            data={"model": "whisper-large-v3-turbo"},
        )
    assert answer.status_code == 402
    challenge = decoded(answer.headers["payment-required"])
    assert challenge["accepts"][0]["amount"] == "30"  # 3 s at 0.00001 USD, in millionths
    assert junk.status_code == 400


async def test_over_mcp_sound_comes_as_sound(shop: Shop) -> None:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    bearer = {"authorization": f"Bearer {shop.watched.server.api_key}"}
    async with (
        httpx2.AsyncClient(headers=bearer, timeout=60) as http,
        Client(streamable_http_client(f"{shop.url}/v1/mcp", http_client=http)) as client,
    ):
        said = await client.call_tool("speech", LINE)
        assert said.structured_content is not None
        audio, told = said.content
        assert audio.type == "audio"
        assert audio.mime_type == "audio/wav"
        assert audio.data == said.structured_content["audio"]
        assert base64.b64decode(audio.data).startswith(b"RIFF")
        assert told.type == "text"
        uri = "data:audio/wav;base64," + audio.data
        heard = await client.call_tool("transcribe", {"model": "whisper-large-v3-turbo", "file": uri})
    assert heard.structured_content is not None
    assert "wallet" in heard.structured_content["text"].lower()
