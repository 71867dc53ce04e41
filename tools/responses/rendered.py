"""The response object around its output."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from base.usage import Usage
from tools.responses.schema import ResponsesInput

QUEUED: Final = "queued"
"""What a response in the background is kept as, until it is made."""
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response_id(run_id: str) -> str:
    """``resp_chatcmpl_<hex>``: it names the chat completion behind it, whose run it is."""
    return "resp_chatcmpl_" + run_id.removeprefix("run_")


def envelope(args: ResponsesInput, response_id: str, created_s: int) -> dict[str, Any]:
    """The response object before anything was answered: what was asked, with OpenAI's defaults."""
    text = args.text.model_dump(by_alias=True, exclude_none=True) if args.text else {}
    choice = args.tool_choice
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_s,
        "completed_at": None,
        "status": "in_progress",
        "model": args.model,
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "instructions": args.instructions,
        "previous_response_id": args.previous_response_id,
        "max_output_tokens": args.max_output_tokens,
        "temperature": args.temperature,
        "top_p": args.top_p,
        "top_logprobs": args.top_logprobs or 0,
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "tools": [_tool(tool.model_dump()) for tool in args.tools or ()],
        "tool_choice": choice.model_dump() if isinstance(choice, BaseModel) else choice or "auto",
        "parallel_tool_calls": args.parallel_tool_calls is not False,
        "max_tool_calls": args.max_tool_calls,
        "reasoning": {
            "effort": args.reasoning.effort if args.reasoning else None,
            "summary": None,
        },
        "truncation": "disabled",
        "background": args.background is True,
        "store": args.is_stored,
        "metadata": args.metadata or {},
        "user": args.user,
        "service_tier": "default",
        "safety_identifier": args.safety_identifier,
        "prompt_cache_key": args.prompt_cache_key,
    }


def finished(
    before: Mapping[str, Any],
    output: Sequence[Mapping[str, Any]],
    finish_reason: str,
    usage: Usage,
    completed_s: int,
) -> dict[str, Any]:
    """The response object of an answer that ended."""
    reason = _INCOMPLETE.get(finish_reason)
    return {
        **before,
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else completed_s,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(output),
        "usage": usage_of(usage),
    }


def bare(response: Mapping[str, Any]) -> dict[str, Any]:
    """A response as it was before anything was answered."""
    return {**response, "output": [], **dict.fromkeys(("usage", "completed_at", "incomplete_details"))}


def usage_of(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage of a response."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {**tool, "strict": bool(tool["strict"])}
