"""Routes and tools one by one, as docs/http.md, docs/tools.md and llms-full.txt tell them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from manifests.errors import errors_of
from manifests.markdown import fenced, table
from manifests.operation import Auth, Operation
from manifests.prices import paid_per
from manifests.schemas import input_schema
from tools.core import AnyTool, Registry

_HTTP = """\
# HTTP routes

Rendered from `manifests/operations.py` by `scripts/render.py`; do not edit. Schemas and examples are in
`/openapi.json` of a running server; errors are in [errors](errors.md).

Who may call: *public*, anybody; *paid*, the holder of an API key or a wallet's token, or whoever sends
an x402 payment.
"""

_TOOLS = """\
# Tools

Rendered from the tool registry by `scripts/render.py`; do not edit. Over MCP `tools/list` has the full
schemas, the prices of the running server and whether a tool is available now.
"""


def http_page(operations: Sequence[Operation]) -> str:
    """Every route by tag, with its answers."""
    return f"{_HTTP}\n{routes(operations)}\n"


def routes(operations: Sequence[Operation]) -> str:
    """Every route by tag."""
    tags = dict.fromkeys(operation.tag for operation in operations)
    return "\n\n".join(f"## {tag}\n\n{_routes(operations, tag)}" for tag in tags)


def tools_page(registry: Registry) -> str:
    """Every tool with its arguments and examples."""
    return "\n".join((_TOOLS, *(tool_section(tool) for tool in registry)))


def _routes(operations: Sequence[Operation], tag: str) -> str:
    return table(
        ("route", "who", "what", "answers"),
        (
            (f"`{o.method} {o.path}`", _who(o.auth), o.description or o.summary, _statuses(o))
            for o in operations
            if o.tag == tag
        ),
    )


def _who(auth: Auth) -> str:
    return {Auth.PUBLIC: "public", Auth.KEY: "key", Auth.PAID: "paid"}[auth]


def _statuses(operation: Operation) -> str:
    answers = set(operation.replies or {200}) | {error.status for error in errors_of(operation)}
    return ", ".join(str(status) for status in sorted(answers))


def tool_section(tool: AnyTool) -> str:
    """Purpose, price, other names, arguments and examples of a tool."""
    schema = input_schema(tool)
    price = "Free." if tool.quote is None else f"Paid per {paid_per(tool)}."
    called = f" Also called {', '.join(f'`{name}`' for name in tool.aliases)}." if tool.aliases else ""
    lines = [f"## {tool.name}\n", f"{tool.description}\n", f"{price}{called}\n"]
    if schema["properties"]:
        lines.append(table(("argument", "type", "required", "meaning"), _arguments(schema)) + "\n")
    lines += [f"{fenced('json', _json(example))}\n" for example in tool.examples]
    return "\n".join(lines)


def _arguments(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, entry in schema["properties"].items():
        yield (
            f"`{name}`",
            _type(entry),
            "yes" if name in required else "",
            entry.get("description", ""),
        )


def _type(entry: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"]).rpartition("/")[2]
    if "anyOf" in entry or "oneOf" in entry:
        kinds = [_type(kind) for kind in entry.get("anyOf", entry.get("oneOf"))]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if entry.get("type") == "array":
        return f"list of {_type(entry.get('items', {}))}"
    return str(entry.get("type", "any"))


def _json(value: Any) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
