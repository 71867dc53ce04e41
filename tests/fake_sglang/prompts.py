"""What a generating call brings: its prompts, their tokens, whether they fit."""

from collections.abc import Mapping
from typing import Any

from tests.fake_sglang import shapes
from tests.fake_sglang.kind import Kind
from tests.fake_sglang.refused import Refused
from tests.fake_sglang.words import chat_tokens, tokens_of


def chat_prompt(body: Mapping[str, Any]) -> tuple[list[str], list[int]]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise Refused(shapes.invalid_body("/v1/chat/completions", "messages: valid list"))
    if not messages:
        raise Refused(shapes.error("Messages cannot be empty."))
    for message in messages:
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            if part.get("type") != "text":
                raise Refused(
                    shapes.error(
                        "Model only supports text input; received unsupported content type "
                        f"'{part.get('type')}'."
                    )
                )
    return [str(messages)], [chat_tokens(messages)]


def text_prompts(kind: Kind, body: Mapping[str, Any]) -> tuple[list[str], list[int]]:
    """With a completion template, a missing suffix is the word None."""
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list) or not any(prompts):
        raise Refused(shapes.error("Prompt cannot be empty"))
    suffix = body.get("suffix")
    if kind.fills_in and suffix != "":
        prompts = [f"<|fim_prefix|>{prompt}<|fim_suffix|>{suffix}<|fim_middle|>"]
    return prompts, [max(1, tokens_of(text)) for text in prompts]


def check_context(context: int, body: Mapping[str, Any], tokens: int, default: int | None) -> None:
    """Raises Refused."""
    if tokens > context:
        raise Refused(
            shapes.error(
                f"The input ({tokens} tokens) is longer than the model's context length "
                f"({context} tokens)."
            )
        )
    asked = body.get("max_tokens", default)
    if asked is not None and asked <= 0:
        raise Refused(shapes.invalid_body("/v1/completions", "max_tokens must be positive"))
    if asked is not None and tokens + asked > context:
        raise Refused(
            shapes.error(
                f"Requested token count exceeds the model's maximum context length of {context} "
                f"tokens. You requested a total of {tokens + asked} tokens: {tokens} tokens from the "
                f"input messages and {asked} tokens for the completion."
            )
        )
