"""The limits that a caller can run into, as the documents tell them."""

from base.settings import Settings
from manifests.markdown import table
from tools.chat_schema import MAX_CHOICES, MAX_MESSAGES
from tools.embed import MAX_INPUTS

# enforced by the door's reader and by the x402 header decoder; a test compares them
MAX_DEPTH = 64
MAX_PAYMENT_HEADER_KIB = 16


def limits(settings: Settings) -> str:
    """A table; a call past a limit is refused before it costs anything."""
    return table(
        ("limit", "value"),
        (
            ("request body", f"{settings.max_body_bytes:,} bytes (413 above)"),
            ("MCP message with a file in base64", f"{settings.max_message_bytes:,} bytes"),
            ("nesting of a JSON body", f"{MAX_DEPTH} levels"),
            ("payment header", f"{MAX_PAYMENT_HEADER_KIB} KiB"),
            ("messages of a chat", f"{MAX_MESSAGES}"),
            ("answers of a chat (`n`)", f"{MAX_CHOICES}"),
            ("output tokens when a chat does not say", f"{settings.max_output_tokens}"),
            ("texts of one embeddings call", f"{MAX_INPUTS}"),
            ("duration of a call", f"{settings.timeout_s:g} s"),
            ("calls that wait for an engine", f"{settings.max_queued} (503 above, with Retry-After)"),
        ),
    )
