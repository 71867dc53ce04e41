"""/llms-full.txt: everything about the server in one text, for models with room for it."""

from collections.abc import Sequence

import orjson

from manifests.document import Document, text_document
from manifests.errors import WHEN, all_errors
from manifests.facts import Facts
from manifests.markdown import fenced, table
from manifests.operation import Operation
from manifests.reference import routes, tool_section
from manifests.schemas import output_schema
from tools.core import AnyTool, Registry


def llms_full(
    registry: Registry, facts: Facts, operations: Sequence[Operation], agents: Document
) -> Document:
    """agents.md whole, then each tool with its arguments and the schema of its output, every route, and
    when each error occurs."""
    sections = [
        agents.text.rstrip(),
        "# Tools in full\n\nWhat each asks for and answers with, over MCP and behind its route.",
        *(_tool(tool) for tool in registry),
        f"# Routes\n\nEvery route of {facts.base_url}; schemas and examples are in /openapi.json.",
        routes(operations),
        "# Errors in full",
        _errors(operations),
    ]
    return text_document("\n\n".join(sections) + "\n", "text/plain")


def _tool(tool: AnyTool) -> str:
    schema = orjson.dumps(output_schema(tool)).decode()
    return f"{tool_section(tool).rstrip()}\n\nOutput:\n\n{fenced('json', schema)}"


def _errors(operations: Sequence[Operation]) -> str:
    return table(
        ("code", "HTTP", "when", "what to do", "may be retried"),
        (
            (
                f"`{error.code}`",
                str(error.status),
                WHEN[error.code],
                str(error.resolution),
                "yes" if error.retryable else "no",
            )
            for error in all_errors(operations)
        ),
    )
