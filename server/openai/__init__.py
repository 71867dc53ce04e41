"""The OpenAI-compatible door: plain ASGI on the hot path."""
