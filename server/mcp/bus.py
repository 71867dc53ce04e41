"""Events for subscribed MCP clients: what changed for everybody, and what for one account alone."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ServerEvent,
)
from mcp_types import SubscriptionsListenRequestParams, SubscriptionsListenResult

from server.mcp.context import Context, visit_of

asking: ContextVar[str | None] = ContextVar("account of the client that subscribes", default=None)


class AccountBus(InMemorySubscriptionBus):
    """Knows whose each subscription is."""

    def __init__(self) -> None:
        super().__init__()
        self._owned: dict[object, tuple[str, Callable[[ServerEvent], None]]] = {}

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        unsubscribe, token, account_id = super().subscribe(listener), object(), asking.get()
        if account_id is not None:
            self._owned[token] = (account_id, listener)

        def end() -> None:
            unsubscribe()
            self._owned.pop(token, None)

        return end

    def prompts_changed(self, account_id: str) -> None:
        """Tell the account's own subscribers that its promoted prompts changed."""
        for owner, listener in list(self._owned.values()):
            if owner == account_id:
                listener(PromptsListChanged())


class Listeners(ListenHandler):
    """The handler of subscriptions/listen: a client subscribes for its account."""

    async def __call__(
        self, ctx: Context, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        token = asking.set(visit_of(ctx).caller.account_id)
        try:
            result: Any = await super().__call__(ctx, params)
        finally:
            asking.reset(token)
        return result  # type: ignore[no-any-return] # what the SDK's handler gives
