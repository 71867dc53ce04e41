"""From the items of responses to the arguments of the chat tool."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from base.errors import InvalidRequest
from tools.responses.items import (
    FunctionCallItem,
    FunctionOutputItem,
    ImageInput,
    Item,
    MessageItem,
    Refusal,
)
from tools.responses.schema import JsonSchemaText, ResponsesInput

_NEEDS_NONE = ("auto", "none")
"""What is chosen where there are no tools at all."""
_SAME = ("model", "temperature", "top_p", "parallel_tool_calls", "store", "metadata", "user")


def chat_arguments(args: ResponsesInput, earlier: Sequence[Item]) -> dict[str, Any]:
    """Arguments of the chat tool that answer ``args`` after the items of ``earlier``.

    Raises InvalidRequest for the output of a function that nobody called.
    """
    chat: dict[str, Any] = {"messages": _messages(args.instructions, (*earlier, *args.items()))}
    chat |= {name: value for name in _SAME if (value := getattr(args, name)) is not None}
    if args.max_output_tokens is not None:
        chat["max_completion_tokens"] = args.max_output_tokens
    if args.wants_logprobs:
        chat |= {"logprobs": True, "top_logprobs": args.top_logprobs or 0}
    if args.text is not None and args.text.format is not None:
        chat["response_format"] = _response_format(args.text.format)
    if args.tools:
        chat["tools"] = [
            {"type": "function", "function": tool.model_dump(exclude={"type"}, exclude_none=True)}
            for tool in args.tools
        ]
    if args.tool_choice is not None and (args.tools or args.tool_choice not in _NEEDS_NONE):
        choice = args.tool_choice
        named = choice if isinstance(choice, str) else {"name": choice.name}
        chat["tool_choice"] = (
            named if isinstance(named, str) else {"type": "function", "function": named}
        )
    if args.reasoning is not None and args.reasoning.effort is not None:
        chat["reasoning_effort"] = args.reasoning.effort
    return chat


def _messages(instructions: str | None, items: Iterable[Item]) -> list[dict[str, Any]]:
    """Calls of functions join the assistant's turn before them."""
    messages: list[dict[str, Any]] = []
    called: set[str] = set()
    if instructions is not None:
        messages.append({"role": "system", "content": instructions})
    for item in items:
        match item:
            case MessageItem():
                messages.append({"role": item.role, "content": _content(item)})
            case FunctionCallItem():
                called.add(item.call_id)
                _turn(messages)["tool_calls"].append(_call(item))
            case FunctionOutputItem():
                _check_called(item.call_id, called)
                messages.append(_output(item))
            case _:
                continue
    if not messages:
        raise InvalidRequest("input holds nothing that a model could answer.", param="input")
    return messages


def _content(item: MessageItem) -> str | list[dict[str, Any]]:
    if isinstance(item.content, str):
        return item.content
    parts: list[dict[str, Any]] = []
    for part in item.content:
        match part:
            case ImageInput():
                image = {"url": part.image_url, "detail": part.detail}
                picture = {name: value for name, value in image.items() if value is not None}
                parts.append({"type": "image_url", "image_url": picture})
            case Refusal():
                parts.append({"type": "text", "text": part.refusal})
            case _:
                parts.append({"type": "text", "text": part.text})
    return parts


def _turn(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The assistant's turn that is still open, or a new one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", [])
    return messages[-1]


def _call(item: FunctionCallItem) -> Mapping[str, Any]:
    function = {"name": item.name, "arguments": item.arguments}
    return {"id": item.call_id, "type": "function", "function": function}


def _output(item: FunctionOutputItem) -> dict[str, Any]:
    parts = item.output
    text = parts if isinstance(parts, str) else "".join(part.text for part in parts)
    return {"role": "tool", "tool_call_id": item.call_id, "content": text}


def _check_called(call_id: str, called: set[str]) -> None:
    if call_id not in called:
        raise InvalidRequest(
            f"input holds the output of a function call {call_id!r} that stands nowhere before it.",
            param="input",
            resolution="Send the function_call item before its output, or previous_response_id.",
        )


def _response_format(wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, JsonSchemaText):
        return {"type": wanted.type}
    named = wanted.model_dump(by_alias=True, exclude={"type"}, exclude_none=True)
    return {"type": "json_schema", "json_schema": named}
