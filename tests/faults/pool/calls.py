"""Calls of many clients at once, and what each of them was told."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson

from tests.faults.pool.replicas import MODEL
from tests.live import LiveServer

CHAT = "/v1/chat/completions"


@dataclass(eq=False)
class Told:
    """One answer. ``words`` are its pieces of text; ``error`` is what ended it in band or instead."""

    status: int = 0
    run_id: str = ""
    words: list[str] = field(default_factory=list)
    ended: bool = False
    error: dict[str, Any] | None = None
    began: asyncio.Event = field(default_factory=asyncio.Event)


class Clients:
    """Clients of one server, each call from a conversation of its own, with ``fields`` in its body."""

    def __init__(self, server: LiveServer, **fields: Any) -> None:
        self._server = server
        self._fields = fields
        self._count = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            self._server.url,
            headers={"authorization": f"Bearer {self._server.api_key}"},
            connector=aiohttp.TCPConnector(limit=0),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    def body(self, tokens: int, *, stream: bool) -> dict[str, Any]:
        self._count += 1
        return {
            "model": MODEL,
            "messages": [{"role": "user", "content": f"{self._count} is my number"}],
            "max_tokens": tokens,
            "stream": stream,
            **self._fields,
        }

    async def stream(self, tokens: int, told: Told) -> None:
        async with self._http.post(CHAT, json=self.body(tokens, stream=True)) as answer:
            told.status = answer.status
            told.run_id = answer.headers.get("x-batchin-run-id", "")
            if answer.status != 200:
                told.error = (await answer.json())["error"]
                return
            async for line in answer.content:
                if line.startswith(b"data: "):
                    _hear(line.removeprefix(b"data: ").strip(), told)

    async def whole(self, tokens: int, told: Told) -> None:
        async with self._http.post(CHAT, json=self.body(tokens, stream=False)) as answer:
            told.status = answer.status
            told.run_id = answer.headers.get("x-batchin-run-id", "")
            said = await answer.json()
            told.error = said.get("error")
            if told.error is None:
                told.words = [said["choices"][0]["message"]["content"]]
                told.ended = True


def _hear(data: bytes, told: Told) -> None:
    if data == b"[DONE]":
        told.ended = True
        return
    event = orjson.loads(data)
    if "error" in event:
        told.error = event["error"]
        return
    for choice in event["choices"]:
        if text := choice["delta"].get("content"):
            told.words.append(text)
            told.began.set()
