"""From a request's head to its caller, its payment and its call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from base.caller import ANONYMOUS, Caller
from base.clock import Clock
from base.errors import InvalidRequest, Unauthorized
from base.ids import new_id, new_run_id
from base.resource import Resource
from base.trace import trace_from
from server.web.request import Head
from server.web.scopes import narrowed
from settlement.limits.quota import Quota
from settlement.promises import HEADER
from settlement.rail import Delivery
from tools.core import Call

PROMPT_HEADER = b"x-batchin-prompt"
PROMISE_HEADER = HEADER.lower().encode()


def unlimited(_: Caller) -> None:
    """No limits for anybody."""


@dataclass(frozen=True, slots=True)
class Callers:
    """Makes the Call of an HTTP request.

    ``authenticate`` turns a Bearer token into a Caller (raises Unauthorized); ``payment`` decodes the
    x402 payment headers (raises InvalidRequest). ``timeouts`` are shorter time limits by ``key:ID``,
    ``workspace:NAME``, ``lane:NAME`` and ``region:NAME``: the smallest wins. ``quota`` gives the limits
    of a caller's next call. ``keyless``: whether who brings no key may pay by the call.
    """

    authenticate: Callable[[str], Caller]
    payment: Callable[[Head], Mapping[str, Any] | None]
    clock: Clock
    timeout_s: float
    timeouts: Mapping[str, float] = field(default_factory=dict)
    quota: Callable[[Caller], Quota | None] = unlimited
    keyless: bool = True

    def caller(self, head: Head) -> Caller:
        """Whose Bearer key it is; without one the caller is anonymous and pays by the call."""
        token = head.bearer()
        return ANONYMOUS if token is None else self.authenticate(token)

    def account(self, head: Head) -> Caller:
        """Whose Bearer key or wallet's token it is. Raises Unauthorized, without one too."""
        return self.authenticate(head.bearer() or "")

    def check_keyless(self, caller: Caller, resource: Resource) -> None:
        """Raises Unauthorized for what is sold to keys alone; a body need not be read to know."""
        if resource.discovery is not None and caller.account_id is None and not self.keyless:
            raise Unauthorized

    def call(self, head: Head, caller: Caller, resource: Resource, delivery: Delivery) -> Call:
        """Raises InvalidRequest and Forbidden for headers that the caller may not send so, Unauthorized
        for a call that is sold to keys alone."""
        self.check_keyless(caller, resource)
        bound = narrowed(caller, head)
        return Call(
            run_id=new_run_id(),
            request_id=new_id("req"),
            caller=bound,
            trace=trace_from(head.text(b"traceparent"), head.text(b"tracestate")),
            resource=resource,
            delivery=delivery,
            deadline_s=self.clock.monotonic_s() + self._timeout_s(bound),
            payment=self.payment(head),
            prompt_version=_prompt_version(head.text(PROMPT_HEADER)),
            quota=self.quota(bound),
            idempotency_key=idempotency_key(head),
            promise=head.text(PROMISE_HEADER),
        )

    def _timeout_s(self, caller: Caller) -> float:
        if not self.timeouts:
            return self.timeout_s
        scopes = (
            f"key:{caller.key_id}",
            f"workspace:{caller.workspace}",
            f"lane:{caller.lane}",
            f"region:{caller.region}",
        )
        return min(self.timeout_s, *(self.timeouts.get(scope, self.timeout_s) for scope in scopes))


def idempotency_key(head: Head) -> str | None:
    """The key that names a request. Raises InvalidRequest."""
    value = head.text(b"idempotency-key")
    if value is not None and not (1 <= len(value) <= 255 and value.isascii() and value.isprintable()):
        raise InvalidRequest(
            "Idempotency-Key should be 1 to 255 printable ASCII characters.",
            param="Idempotency-Key",
            resolution="Send a fresh random id, such as a UUID, for each new request.",
        )
    return value


def _prompt_version(value: str | None) -> str:
    if value is None:
        return "default"
    if not 1 <= len(value) <= 128 or not all(char.isalnum() or char in "@._-/" for char in value):
        raise InvalidRequest(
            "X-BatchIn-Prompt should be 1 to 128 letters, digits and @ . _ - / characters.",
            param="X-BatchIn-Prompt",
            resolution="Name a prompt version like support@v2.",
        )
    return value
