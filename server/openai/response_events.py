"""The events of a response in the background as an answer, from its beginning or from a number on."""

from collections.abc import AsyncIterator

import orjson
from sse_starlette import EventSourceResponse

from server.web.company import PING_S
from server.web.event_stream import events_answer
from server.web.respond import HeaderList, public_error
from tools.responses.growing import Event


def streamed(
    events: AsyncIterator[Event], headers: HeaderList, send_timeout_s: float, ping_s: float = PING_S
) -> EventSourceResponse:
    """What fails after the head left is an event of its own (OpenAI's ``ResponseErrorEvent``)."""
    return events_answer(_told(events), headers, send_timeout_s, ping_s)


async def _told(events: AsyncIterator[Event]) -> AsyncIterator[tuple[str, bytes]]:
    number = -1
    try:
        async for event in events:
            number = event["sequence_number"]
            yield event["type"], orjson.dumps(event)
    except Exception as error:  # noqa: BLE001 - the head has left: it is told in band
        told = public_error(error).body()["error"]
        fields = {name: value for name, value in told.items() if name != "type"}
        yield "error", orjson.dumps({"type": "error", "sequence_number": number + 1, **fields})
