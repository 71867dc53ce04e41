"""Forms that the fake servers are sent."""

from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP

from tests.fake_sglang.http import Exchange


def form_of(exchange: Exchange) -> dict[str, bytes]:
    """The fields of a form, the last one of each name."""
    return dict(_parts(exchange))


def count_of(exchange: Exchange, name: str) -> int:
    """How often a form has a field."""
    return sum(found == name for found, _ in _parts(exchange))


def _parts(exchange: Exchange) -> Iterator[tuple[str, bytes]]:
    head = f"Content-Type: {exchange.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + exchange.body)
    for part in message.iter_parts():
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        yield str(part.get_param("name", header="content-disposition")), payload
