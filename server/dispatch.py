"""The outermost ASGI app: hot paths by one dictionary look-up, everything else by Starlette."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from base.errors import MethodNotAllowed
from server.web.respond import note_refusal, send_error


class Dispatch:
    """``hot`` maps a path to the app of its POST; ``rest`` serves the control plane and the lifespan."""

    def __init__(self, hot: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        self._hot = hot
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._hot.get(scope["path"]) if scope["type"] == "http" else None
        if app is None:
            await self._rest(scope, receive, send)
        elif scope["method"] == "POST":
            await app(scope, receive, send)
        else:
            error = MethodNotAllowed(
                f"{scope['method']} is not allowed on {scope['path']}.", headers={"Allow": "POST"}
            )
            note_refusal(error)
            await send_error(send, error)
