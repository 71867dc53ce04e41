"""Who hears that prompts changed: the clients of that account, and no others."""

from contextvars import copy_context

from mcp.server.subscriptions import PromptsListChanged, ServerEvent, ToolsListChanged

from server.mcp.bus import AccountBus, asking


async def test_an_account_hears_of_its_own_prompts_alone() -> None:
    bus = AccountBus()
    heard: dict[str | None, list[ServerEvent]] = {"a": [], "b": [], None: []}

    def subscribe(account_id: str | None) -> None:
        asking.set(account_id)
        bus.subscribe(heard[account_id].append)

    for account_id in heard:
        copy_context().run(subscribe, account_id)
    bus.prompts_changed("a")
    assert heard == {"a": [PromptsListChanged()], "b": [], None: []}
    await bus.publish(ToolsListChanged())
    assert [len(events) for events in heard.values()] == [2, 1, 1]


def test_who_left_hears_nothing() -> None:
    bus, heard = AccountBus(), list[ServerEvent]()

    def visit() -> None:
        asking.set("a")
        bus.subscribe(heard.append)()

    copy_context().run(visit)
    bus.prompts_changed("a")
    assert heard == []
