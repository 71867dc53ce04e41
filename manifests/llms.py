"""/llms.txt (llmstxt.org): the server in one page, with links to the rest."""

from collections.abc import Sequence

from base.settings import Settings
from manifests.agents import preface
from manifests.document import Document, text_document
from manifests.errors import all_errors
from manifests.facts import Facts
from manifests.identity import SUMMARY, TITLE, WIRE_VERSIONS
from manifests.operation import Auth, Operation
from tools.core import AnyTool, Registry


def llms(
    registry: Registry, facts: Facts, settings: Settings, operations: Sequence[Operation]
) -> Document:
    """The document: title, summary, then lists of links, as the convention asks."""
    sections = [
        f"# {TITLE}\n\n> {SUMMARY}{preface(facts, '/llms.txt')}",
        _start(facts, settings),
        "## Tools\n\n" + "\n".join(_tool(tool, facts) for tool in registry),
        "## Models (USD per million tokens: input, output)\n\n" + _models(facts),
        "## Paid routes\n\n" + _routes(operations, facts),
        "## Errors\n\n" + _errors(operations),
        _links(facts),
    ]
    return text_document("\n\n".join(sections) + "\n", "text/plain")


def _start(facts: Facts, settings: Settings) -> str:
    lines = [
        f"- MCP endpoint, streamable HTTP: {facts.mcp_url} (versions {', '.join(WIRE_VERSIONS)}).",
        f"- OpenAI-compatible base URL: {facts.base_url}/v1, with Authorization: Bearer <API_KEY>.",
    ]
    if facts.payment:
        lines.append(
            f"- No account needed: paid calls without a key answer with an x402 challenge "
            f"({', '.join(facts.payment.schemes)}; USDC on {', '.join(facts.payment.networks)}). "
            f"Sign it, call again with the payment. What is taken and not used stays as credit: "
            f"sign in with the wallet (GET, POST /v1/sign-in) for the Bearer that spends it."
        )
    lines.append(
        "- Every paid call leaves signed evidence and a receipt: GET /v1/vaas/{id}/bundle, checked "
        "offline by anyone."
    )
    return "## Start here\n\n" + "\n".join(lines)


def _tool(tool: AnyTool, facts: Facts) -> str:
    return f"- `{tool.name}`: {tool.description}"


def _models(facts: Facts) -> str:
    return "\n".join(
        f"- `{model.id}` ({model.modality}, answered by `{model.served_by}`): "
        f"{model.input_usd_per_mtok}, {model.output_usd_per_mtok}"
        for model in facts.models
    )


def _routes(operations: Sequence[Operation], facts: Facts) -> str:
    return "\n".join(
        f"- {operation.method} {facts.base_url}{operation.path}: {operation.summary.lower()}"
        for operation in operations
        if operation.auth is Auth.PAID
    )


def _errors(operations: Sequence[Operation]) -> str:
    codes = ", ".join(f"`{error.code}` {error.status}" for error in all_errors(operations))
    return (
        'One shape: {"error": {code, message, type, param, resolution}}. Do what resolution says; '
        f"what failed is not charged. Codes: {codes}."
    )


def _links(facts: Facts) -> str:
    base = facts.base_url
    links = [
        f"- [How agents use this server]({base}/agents.md): examples, payment, proof, errors, limits",
        f"- [Everything in one text]({base}/llms-full.txt): that, every schema, every route",
        f"- [OpenAPI]({base}/openapi.json): every route, schema and status",
        f"- [Prices]({base}/v1/pricing): by tool and model, and the payment rails",
        f"- [MCP server card]({base}/v1/mcp/server-card): identity, transport, protocol versions",
    ]
    if facts.payment:
        links.append(f"- [x402]({base}/.well-known/x402): paid resources and payment terms")
    return "## Documents\n\n" + "\n".join(links)
