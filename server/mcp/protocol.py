"""The protocol behind the door: the SDK's low-level server with our handlers.

Imported when the door opens, because the SDK takes half a second to load. Not used of the SDK: its
``auth=`` (401 to every anonymous call: nobody could pay by x402), its OpenTelemetry middleware (a
third of a call's time), its search of the tool list for the schema of each call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler, ToolsListChanged
from mcp.server.transport_security import TransportSecuritySettings

from base.settings import Settings
from manifests.facts import Facts
from manifests.identity import NAME, PAYMENT_EXTENSION, SUMMARY, TITLE, instructions
from server.mcp.bus import AccountBus, Listeners
from server.mcp.calls import ToolCalls
from server.mcp.exchange import Exchanges
from server.mcp.listing import Listing
from server.mcp.prompts import Prompts
from server.mcp.resources import Resources
from server.mcp.task_runs import TaskRuns
from server.mcp.tasks import TaskMethods

MOST_LISTENERS = 64
_STABLE = CacheHint(ttl_ms=300_000, scope="public")
_LIVE = CacheHint(ttl_ms=15_000, scope="public")
_OWN = CacheHint(ttl_ms=15_000, scope="private")
_HINTS: Mapping[CacheableMethod, CacheHint] = {
    "server/discover": _STABLE,
    "tools/list": _LIVE,
    "prompts/list": _OWN,
    "resources/list": _STABLE,
    "resources/templates/list": _STABLE,
    "resources/read": _LIVE,
}


@dataclass(frozen=True, slots=True)
class Protocol:
    """One running protocol: ``server`` answers messages, ``manager`` is its HTTP transport, beside which
    ``exchanges`` is a short one."""

    server: Server[Any]
    manager: StreamableHTTPSessionManager
    bus: AccountBus
    listeners: ListenHandler
    exchanges: Exchanges
    task_runs: TaskRuns

    async def tools_changed(self) -> None:
        """Tell subscribers that a tool became available or went away."""
        await self.bus.publish(ToolsListChanged())

    def close(self) -> None:
        """End subscriptions in the way that clients can tell from a lost connection."""
        self.listeners.close()


def build(
    calls: ToolCalls,
    resources: Resources,
    prompts: Prompts | None,
    tasks: TaskMethods,
    facts: Facts,
    settings: Settings,
) -> Protocol:
    """Assemble the protocol. Host, origin, size and credentials were checked by the door."""
    bus = AccountBus()
    listeners = Listeners(bus, max_subscriptions=MOST_LISTENERS)
    listing = Listing(calls.invoker.registry, facts)
    server: Server[Any] = Server(
        NAME,
        version=facts.version,
        title=TITLE,
        description=SUMMARY,
        instructions=instructions(facts),
        website_url=facts.base_url,
        cache_hints=_HINTS,
        get_tool_input_schema=listing.schema_with_headers,
        on_list_tools=listing,  # type: ignore[arg-type] # a dict
        on_call_tool=calls.handle,  # type: ignore[arg-type] # a dict is a result, see HandlerResult
        on_list_resources=resources.list,  # type: ignore[arg-type] # a dict
        on_list_resource_templates=resources.templates,  # type: ignore[arg-type] # a dict
        on_read_resource=resources.read,  # type: ignore[arg-type] # a dict
        on_list_prompts=prompts.list if prompts else None,  # type: ignore[arg-type] # a dict
        on_get_prompt=prompts.get if prompts else None,  # type: ignore[arg-type] # a dict
        on_subscriptions_listen=listeners,
    )
    server.middleware.clear()
    if facts.payment is not None:
        server.extensions[PAYMENT_EXTENSION] = {}
    tasks.register(server)
    manager = StreamableHTTPSessionManager(
        server,
        stateless=True,
        json_response=False,
        security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        max_request_body_size=max(settings.max_body_bytes, settings.max_message_bytes),
    )
    exchanges = Exchanges(calls, listing.plain, settings.send_timeout_s)
    return Protocol(server, manager, bus, listeners, exchanges, tasks.runs)
