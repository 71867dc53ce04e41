"""Responses: OpenAI's second spelling of a conversation, built from the events of the chat tool."""
