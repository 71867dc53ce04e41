"""The suite's fixture resources, prompts and completions, in front of the server's own resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import HandlerEntry

from tests.contract.mcp.conformance.asking import ask, elicit, responses_of
from tests.contract.mcp.conformance.media import png

Context = ServerRequestContext[Any, Any]
Answer = dict[str, Any]
TEMPLATE = ("test://template/", "/data")

RESOURCES: Mapping[str, Answer] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": png()},
}
PROMPTS: Mapping[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


def add_documents(server: Server[Any]) -> None:
    """Put the fixtures in front of the server's own resources, and add prompts."""
    own = server.get_request_handler("resources/list"), server.get_request_handler("resources/read")
    assert own[0] is not None
    assert own[1] is not None
    listing, read = ResourceList(own[0]), ResourceRead(own[1])
    server.add_request_handler("resources/list", types.PaginatedRequestParams, listing)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read)
    server.add_request_handler("prompts/list", types.PaginatedRequestParams, _prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, _prompt)
    server.add_request_handler("completion/complete", types.CompleteRequestParams, _completion)


@dataclass(frozen=True, slots=True)
class ResourceList:
    behind: HandlerEntry[Any]

    async def __call__(self, context: Context, params: Any) -> Answer:
        listed: Any = await self.behind.handler(context, params)
        fixtures = [{"uri": uri, "name": uri, "description": "A fixture."} for uri in RESOURCES]
        return {**listed, "resources": [*listed["resources"], *fixtures]}


@dataclass(frozen=True, slots=True)
class ResourceRead:
    behind: HandlerEntry[Any]

    async def __call__(self, context: Context, params: types.ReadResourceRequestParams) -> Any:
        uri = str(params.uri)
        content = RESOURCES.get(uri) or _from_template(uri)
        if content is None:
            return await self.behind.handler(context, params)
        return {"resultType": "complete", "contents": [{"uri": uri, **content}]}


def _from_template(uri: str) -> Answer | None:
    start, end = TEMPLATE
    if not uri.startswith(start) or not uri.endswith(end):
        return None
    name = uri.removeprefix(start).removesuffix(end)
    text = f'{{"id":"{name}","templateTest":true,"data":"Data for ID: {name}"}}'
    return {"mimeType": "application/json", "text": text}


async def _prompts(context: Context, params: Any) -> Answer:
    prompts = [
        {
            "name": name,
            "description": "A fixture.",
            "arguments": [{"name": argument, "required": True} for argument in arguments],
        }
        for name, arguments in PROMPTS.items()
    ]
    return {"resultType": "complete", "prompts": prompts}


async def _prompt(context: Context, params: types.GetPromptRequestParams) -> Answer:
    if params.name == "test_input_required_result_prompt":
        responses = responses_of(params)
        if "user_context" not in responses:
            question = elicit("What context should the prompt use?", "context")
            return ask({"user_context": question})
        return _messages(_text(str(responses["user_context"]["content"]["context"])))
    given = params.arguments or {}
    if params.name == "test_prompt_with_arguments":
        text = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
        return _messages(_text(text))
    if params.name == "test_prompt_with_embedded_resource":
        resource = {
            "uri": given["resourceUri"],
            "mimeType": "text/plain",
            "text": "Embedded resource content for testing.",
        }
        embedded = {"type": "resource", "resource": resource}
        return _messages(embedded, _text("Please process the embedded resource above."))
    if params.name == "test_prompt_with_image":
        image = {"type": "image", "data": png(), "mimeType": "image/png"}
        return _messages(image, _text("Please analyze the image above."))
    return _messages(_text("This is a simple prompt for testing."))


async def _completion(context: Context, params: types.CompleteRequestParams) -> Answer:
    names = [name for name in ("testing", "texts") if name.startswith(params.argument.value)]
    return {"resultType": "complete", "completion": {"values": names, "total": len(names)}}


def _text(text: str) -> Answer:
    return {"type": "text", "text": text}


def _messages(*contents: Answer) -> Answer:
    messages = [{"role": "user", "content": content} for content in contents]
    return {"resultType": "complete", "messages": messages}
