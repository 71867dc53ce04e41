"""POST /v1/audio/speech and /v1/audio/transcriptions: whole, or in parts as they come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from server.openai.answer import Answer
from server.openai.shown import as_sound, as_transcript
from server.openai.sound_parts import Parts, heard_parts, spoken_parts
from server.openai.whole import answer_whole
from server.openai.whole_door import WholeDoor
from server.web.company import Patience
from server.web.connection import Watch
from server.web.form import read_form
from server.web.outbox import Outbox, ReaderTooSlow
from server.web.request import Disconnected, read_head
from server.web.wire import wire_of
from settlement.rail import Delivery
from tools.invoke import Run

_HELD_MAX: Final = 16_777_216
"""A player takes sound no faster than it plays: five minutes of wav are held for it."""

Asked = Callable[[Mapping[str, Any]], Parts | None]
"""How the arguments want the parts; None where they want the whole."""


@dataclass(frozen=True, slots=True)
class SoundDoor:
    """The ASGI app of an endpoint that reads and shows as ``whole`` does, or answers in the parts that
    ``asked`` finds; ``public_key`` tells the current receipt key in wire form."""

    whole: WholeDoor
    asked: Asked
    public_key: Callable[[], str]
    patience: Patience = Patience()  # noqa: RUF009 - frozen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self.whole
        with Watch(wire_of(scope), send, door.send_timeout_s) as watch:
            answer = Answer(door.tool, scope, watch.send, door.invoker, _HELD_MAX)
            try:
                await self._answer(scope, receive, answer)
            except (Disconnected, ReaderTooSlow):
                return
            except Exception as error:  # noqa: BLE001 - a door answers whatever happened
                await answer.fail(error)
            finally:
                answer.close()

    async def _answer(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        door = self.whole
        head = read_head(scope)
        caller = door.callers.caller(head)
        arguments = await door.read(head, receive, door.body_limit)
        parts = self.asked(arguments)
        delivery = Delivery.STREAM if parts else Delivery.WHOLE
        call = door.callers.call(head, caller, door.resource, delivery)
        answer.call = call
        if parts is None:
            await answer_whole(door.invoker, door.tool, arguments, call, answer.send, door.show)
            return
        run = door.invoker.open(door.tool, arguments, call)
        async with answer.streaming(run, self.public_key, self.patience, parts.media_type) as body:
            await _stream(run, parts, body)


def speech_door(whole: WholeDoor, public_key: Callable[[], str]) -> SoundDoor:
    """JSON in, sound out."""
    return SoundDoor(replace(whole, show=as_sound), spoken_parts, public_key)


def transcription_door(whole: WholeDoor, public_key: Callable[[], str], most_bytes: int) -> SoundDoor:
    """A form with a sound file in, a transcript out."""
    reading = replace(whole, read=read_form, show=as_transcript, body_limit=most_bytes)
    return SoundDoor(reading, heard_parts, public_key)


async def _stream(run: Run, parts: Parts, body: Outbox) -> None:
    shown = False
    async for event in run:
        shown = True
        await body.write(parts.part(event))
    done = await run.done()
    whole = b"" if shown else parts.whole(done)
    await body.end(whole + parts.closing(done))
