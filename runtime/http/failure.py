"""What can go wrong on the way to an engine and back."""


class HttpFailure(Exception):
    """The exchange did not end well."""


class ConnectFailed(HttpFailure):
    """No connection was made: refused, unreachable or too slow."""


class ConnectionLost(HttpFailure):
    """The connection ended before the response did."""


class ConnectionStale(ConnectionLost):
    """A reused connection ended before any byte of the response: the request may be sent again."""


class SilenceTooLong(HttpFailure):
    """A time limit of the response passed without a byte."""


class BadResponse(HttpFailure):
    """Not HTTP/1.1, a head over the limit, or a body over the limit."""


class ReaderTooSlow(HttpFailure):
    """The reader of a live stream fell behind by more than the limit."""
