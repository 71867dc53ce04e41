"""Who this server says it is, the same in every document and in ``server/discover``."""

from manifests.facts import Facts

NAME = "batchin"
CARD_NAME = "tech.batchin/batchin"
TITLE = "batchin"
SUMMARY = (
    "Chat, embeddings, sound and pictures for agents, paid per call in USDC by x402 or with an API key."
)
MODERN_VERSIONS = ("2026-07-28",)
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
WIRE_VERSIONS = (*HANDSHAKE_VERSIONS, *MODERN_VERSIONS)
PAYMENT_EXTENSION = "org.x402/payment"
TASKS_EXTENSION = "io.modelcontextprotocol/tasks"


def server_info(facts: Facts) -> dict[str, str]:
    """The ``serverInfo`` of MCP (2026-07-28, Implementation)."""
    return {
        "name": NAME,
        "version": facts.version,
        "title": TITLE,
        "description": SUMMARY,
        "websiteUrl": facts.base_url,
    }


def instructions(facts: Facts) -> str:
    """What a model that has just connected needs to know."""
    paying = (
        "Paid tools answer without a key with an x402 challenge (isError, structuredContent with "
        "x402Version and accepts): sign one entry of accepts and call again with the payload in "
        '_meta["x402/payment"]. _meta["batchin/access_token"] of the '
        "answer opens what was bought, as Authorization: Bearer. Unused money stays as your wallet's "
        "credit: POST /v1/sign-in gives the Bearer that spends it."
        if facts.payment
        else "Paid tools need Authorization: Bearer <API_KEY>."
    )
    return (
        f"{SUMMARY} Call models first: it lists the models, their prices and whether they are "
        f"available. quote tells what a call can cost at most. {paying} An API key works on every "
        "tool. Each paid result carries signed evidence and a receipt in _meta; verify checks them. "
        "Errors come as structuredContent.error with code, message, param and resolution: do what "
        "resolution says. Read batchin://docs/agents for worked examples."
    )
