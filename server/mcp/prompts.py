"""prompts/*: the promoted prompts of the caller's account. Nobody else's are there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.shared.exceptions import MCPError

from base.caller import Caller
from base.errors import BatchinError
from server.mcp.context import Context, visit_of
from tools.prompts.book import PromptBook, Version
from tools.scopes import check_endpoint

Result = dict[str, Any]
_PATH = "/v1/prompts"


@dataclass(frozen=True, slots=True)
class Prompts:
    """MCP knows the roles user and assistant alone: what a prompt tells the system, the user tells."""

    book: PromptBook

    async def list(self, context: Context, params: Any) -> Result:
        """The handler of prompts/list."""
        found = await self._promoted(visit_of(context).caller)
        return {"resultType": "complete", "prompts": [_entry(version) for version in found]}

    async def get(self, context: Context, params: types.GetPromptRequestParams) -> Result:
        """The handler of prompts/get. Raises MCPError (-32602) for what is not there, and for arguments
        that lack or are too many."""
        found = await self._promoted(visit_of(context).caller)
        version = next((each for each in found if each.name == params.name), None)
        if version is None:
            raise MCPError(
                types.INVALID_PARAMS, f"Unknown prompt: {params.name}. prompts/list names your prompts."
            )
        try:
            messages = await asyncio.to_thread(version.template.filled, params.arguments or {})
        except BatchinError as error:
            told = error.message.replace("prompt.variables", "arguments")
            raise MCPError(types.INVALID_PARAMS, told, error.body()) from None
        return {
            "resultType": "complete",
            "description": version.template.description or version.id,
            "messages": [_message(message) for message in messages],
            "_meta": {"tech.batchin/promptVersion": version.id},
        }

    async def _promoted(self, caller: Caller) -> Sequence[Version]:
        if caller.account_id is None:
            return ()
        try:
            check_endpoint(caller, _PATH)
        except BatchinError:
            return ()
        return await self.book.promoted(caller.account_id)


def _entry(version: Version) -> Result:
    return {
        "name": version.name,
        "title": version.name,
        "description": version.template.description or version.id,
        "arguments": [{"name": name, "required": True} for name in version.template.variables],
        "_meta": {"tech.batchin/promptVersion": version.id},
    }


def _message(message: dict[str, Any]) -> Result:
    role = "assistant" if message["role"] == "assistant" else "user"
    return {"role": role, "content": {"type": "text", "text": message["content"]}}
