"""Which Host and Origin headers the door accepts: the guard against DNS rebinding (MCP 2026-07-28,
transports, security; CVE-2025-66416). The SDK's own guard answers a bare text that helps nobody."""

from urllib.parse import urlsplit

from base.errors import BatchinError, Forbidden
from base.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Misdirected(BatchinError):
    """The request names a host that this server does not answer for."""

    code = "forbidden"
    status = 421
    type = "permission_error"
    resolution = "Use the server's public URL; its operator can allow more hosts in allowed_hosts."


class Hosts:
    """Loopback, the public URL, the address listened on, and what the settings add."""

    def __init__(self, settings: Settings, base_url: str) -> None:
        public = urlsplit(base_url)
        listening = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._hosts = {public.netloc, listening, *settings.allowed_hosts}
        self._origins = {f"{public.scheme}://{public.netloc}", *settings.allowed_origins}

    def check(self, host: str | None, origin: str | None) -> None:
        """Raises Misdirected for a foreign Host (421), Forbidden for a foreign Origin (403)."""
        if host is None or not self._host_allowed(host.lower()):
            raise Misdirected("This server does not answer for that Host.")
        if origin is not None and not self._origin_allowed(origin.lower()):
            raise Forbidden(
                "Requests from that Origin are not allowed on /v1/mcp.",
                resolution="The operator can allow an origin in allowed_origins.",
            )

    def _host_allowed(self, host: str) -> bool:
        name = _without_port(host)
        return name in _LOOPBACK or host in self._hosts or name in self._hosts

    def _origin_allowed(self, origin: str) -> bool:
        scheme, _, host = origin.partition("://")
        if scheme in ("http", "https") and _without_port(host) in _LOOPBACK:
            return True
        return origin in self._origins


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
