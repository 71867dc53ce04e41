"""The suite's fixture tools that ask the client for input (SEP-2322) or for a capability.

No tool of this server asks for anything, so these are handlers of their own, in front of ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import HandlerEntry
from mcp.shared.exceptions import MCPError

Context = ServerRequestContext[Any, Any]
Responses = Mapping[str, Any]
Answer = dict[str, Any]


def elicit(message: str, name: str, kind: str = "string") -> Answer:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample(text: str, tokens: int) -> Answer:
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return {
        "method": "sampling/createMessage",
        "params": {"messages": [message], "maxTokens": tokens},
    }


ROOTS: Answer = {"method": "roots/list", "params": {}}
NAME = elicit("What is your name?", "name")
CONFIRM = elicit("Please confirm", "ok", "boolean")


def complete(text: str) -> Answer:
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


def ask(requests: Mapping[str, Any], state: str | None = None) -> Answer:
    answer: Answer = {"resultType": "input_required", "inputRequests": dict(requests)}
    return answer if state is None else {**answer, "requestState": state}


@dataclass(frozen=True, slots=True)
class Asking:
    """A tool that asks once for all of ``requests``, and again for what was not answered."""

    requests: Mapping[str, Any]
    stateful: bool
    done: Callable[[Responses], str]

    def __call__(self, context: Context, responses: Responses, state: str | None) -> Answer:
        if (self.stateful and state is None) or not self.requests.keys() <= responses.keys():
            return ask(self.requests, "asked" if self.stateful else None)
        return complete(self.done(responses))


def _greeting(responses: Responses) -> str:
    return f"Hello, {responses['user_name']['content']['name']}!"


def _multi_round(context: Context, responses: Responses, state: str | None) -> Answer:
    if state == "round 1" and "step1" in responses:
        step = {"step2": elicit("Step 2: What is your favorite color?", "color")}
        return ask(step, "round 2")
    if state == "round 2" and "step2" in responses:
        return complete(f"Your colour is {responses['step2']['content']['color']}.")
    return ask({"step1": elicit("Step 1: What is your name?", "name")}, "round 1")


def _by_capabilities(context: Context, responses: Responses, state: str | None) -> Answer:
    requests = {
        "elicitation": ("name", NAME),
        "sampling": ("greeting", sample("Generate a greeting", 50)),
        "roots": ("client_roots", ROOTS),
    }
    declared = capabilities(context)
    asked = dict(requests[name] for name in requests if name in declared)
    return complete("done") if not asked or asked.keys() <= responses.keys() else ask(asked)


def _needs_sampling(context: Context, responses: Responses, state: str | None) -> Answer:
    if "sampling" not in capabilities(context):
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs the client's sampling.",
            {"requiredCapabilities": {"sampling": {}}},
        )
    return complete("The client can sample.")


def capabilities(context: Context) -> Mapping[str, Any]:
    """What the client declared with this request."""
    declared = context.session.client_capabilities
    return {} if declared is None else declared.model_dump(exclude_none=True)


GATHERING = "test_tool_with_task"
"""Asks first, and is a task of the server once it was answered."""
PREFIX = "test_input_required_result_"
TOOLS: Mapping[str, Callable[[Context, Responses, str | None], Answer]] = {
    f"{PREFIX}elicitation": Asking({"user_name": NAME}, stateful=False, done=_greeting),
    "test_streaming_elicitation": Asking({"user_name": NAME}, stateful=False, done=_greeting),
    f"{PREFIX}sampling": Asking(
        {"capital_question": sample("What is the capital of France?", 100)},
        stateful=False,
        done=lambda responses: str(responses["capital_question"]["content"]["text"]),
    ),
    f"{PREFIX}list_roots": Asking(
        {"client_roots": ROOTS},
        stateful=False,
        done=lambda responses: str(responses["client_roots"]["roots"][0]["uri"]),
    ),
    f"{PREFIX}request_state": Asking(
        {"confirm": CONFIRM}, stateful=True, done=lambda responses: "state-ok"
    ),
    f"{PREFIX}tampered_state": Asking(
        {"confirm": CONFIRM}, stateful=True, done=lambda responses: "state-ok"
    ),
    f"{PREFIX}multiple_inputs": Asking(
        {"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS},
        stateful=True,
        done=_greeting,
    ),
    f"{PREFIX}multi_round": _multi_round,
    f"{PREFIX}capabilities": _by_capabilities,
    "test_missing_capability": _needs_sampling,
}
ENTRIES = [
    {
        "name": name,
        "description": f"A fixture of the conformance suite: {name}.",
        "inputSchema": {"type": "object", "properties": {}},
    }
    for name in TOOLS
]


@dataclass(frozen=True, slots=True)
class AskingCalls:
    """tools/call: these fixtures, and behind them the server's own handler."""

    behind: HandlerEntry[Any]

    async def __call__(self, context: Context, params: types.CallToolRequestParams) -> Any:
        responses = responses_of(params)
        if params.name == GATHERING:
            if "user_name" not in responses:
                return ask({"user_name": NAME})
            gathered = {"user_name": responses["user_name"]["content"]["name"]}
            params = params.model_copy(update={"arguments": gathered})
        tool = TOOLS.get(params.name)
        if tool is None:
            return await self.behind.handler(context, params)
        return tool(context, responses, params.request_state)


@dataclass(frozen=True, slots=True)
class AskingList:
    """tools/list: the server's own tools, then these."""

    behind: HandlerEntry[Any]

    async def __call__(self, context: Context, params: Any) -> Answer:
        listed: Any = await self.behind.handler(context, params)
        return {**listed, "tools": [*listed["tools"], *ENTRIES]}


def responses_of(params: types.InputResponseRequestParams) -> Responses:
    found = params.model_dump(mode="json", by_alias=True).get("inputResponses")
    return found or {}
