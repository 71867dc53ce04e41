"""OpenAPI 3.1, from the operations, the tools' models and the facts of a server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from base.settings import Settings
from manifests.chunk import WithEvidence
from manifests.document import Document, json_document
from manifests.errors import errors_of, example_of
from manifests.examples import example_model
from manifests.facts import Facts
from manifests.headers import CALL, CHALLENGE, HEADERS, RECORD, SETTLEMENT
from manifests.identity import SUMMARY, TITLE
from manifests.operation import FORM, JSON, SSE, Auth, Body, ErrorType, Operation, Param, Reply
from manifests.prices import payment_info
from manifests.schemas import Mode, model_schemas
from manifests.wire import Error, PaymentRequired, PaymentRequiredV1
from tools.core import AnyTool, Registry

_END = {"const": "[DONE]"}
_REF = "#/components/schemas/{model}"
_TAGS = {
    "openai": "The OpenAI-compatible API.",
    "files": "Files of callers: the input and output of batches.",
    "batches": "Many calls handed in at once, and the webhooks that tell of their end.",
    "videos": "Videos: jobs that end with a file.",
    "payments": "What calls cost.",
    "account": "The account behind a key: profile, keys, usage.",
    "prompts": "Prompts, and what replays and experiments say of their versions.",
    "proof": "Evidence and receipts: public, free, checkable offline.",
    "mcp": "The Model Context Protocol.",
    "discovery": "Documents that machines find this server by.",
    "service": "Health and metrics.",
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": (
        "An API key (batchin_api_...), or the token of a wallet that signed in. The access token of an "
        "x402 payment opens what that payment bought, and nothing else."
    ),
}
_X402 = {
    "type": "apiKey",
    "in": "header",
    "name": "PAYMENT-SIGNATURE",
    "description": (
        "x402 version 2: call without it, sign one entry of the accepts of the PAYMENT-REQUIRED header, "
        "and call again with the base64 of the payload. No account is needed."
    ),
}
_SECURITY: Mapping[Auth, Sequence[Mapping[str, Any]]] = {
    Auth.PUBLIC: ({},),
    Auth.KEY: ({"bearer": []},),
    Auth.PAID: ({"bearer": []}, {"x402": []}),
}


def openapi(
    registry: Registry, facts: Facts, settings: Settings, operations: Sequence[Operation]
) -> Document:
    """The whole document. Raises ValueError for an operation whose tool does not exist."""
    rendering = _Rendering(registry, facts, settings, operations)
    return json_document(rendering.document())


class _Rendering:
    """Renders once: collects the models first, so that each is one component."""

    def __init__(
        self, registry: Registry, facts: Facts, settings: Settings, operations: Sequence[Operation]
    ) -> None:
        self._registry = registry
        self._facts = facts
        self._settings = settings
        self._operations = [operation for operation in operations if self._exists(operation)]
        sent = {model for operation in self._operations for model in _models(self._request(operation))}
        shown: set[type[BaseModel]] = {Error, PaymentRequired, PaymentRequiredV1}
        for operation in self._operations:
            for reply in self._replies(operation).values():
                shown |= {model for body in reply.content.values() for model in _models(body)}
        self._schemas: dict[str, Any] = {}
        self._sent = self._components(sent, "validation")
        self._shown = self._components(shown, "serialization")

    def document(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for operation in self._operations:
            item = paths.setdefault(operation.path, {})
            item[operation.method.lower()] = self._operation(operation)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": TITLE,
                "version": self._facts.version,
                "summary": SUMMARY,
                "description": (
                    f"Errors have one shape: code, message, type, param and resolution. Agents: read "
                    f"{self._facts.base_url}/agents.md, or connect to {self._facts.mcp_url} by MCP."
                ),
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": self._facts.base_url}],
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
            "paths": paths,
            "components": {
                "securitySchemes": {"bearer": _BEARER, "x402": _X402}
                if self._facts.payment
                else {"bearer": _BEARER},
                "headers": {
                    name: {"description": text, "schema": {"type": "string"}}
                    for name, text in HEADERS.items()
                },
                "schemas": dict(sorted(self._schemas.items())),
            },
        }

    def _operation(self, operation: Operation) -> dict[str, Any]:
        tool = self._tool(operation)
        entry: dict[str, Any] = {
            "operationId": operation.operation_id,
            "summary": operation.summary,
            "tags": [operation.tag],
        }
        if operation.description:
            entry["description"] = operation.description
        entry["security"] = self._security(operation)
        if tool is not None and tool.quote is not None:
            entry["x-payment-info"] = payment_info(tool, self._facts, self._settings)
        params = [_param(param) for param in operation.params if self._offered(param)]
        if params:
            entry["parameters"] = params
        if operation.takes_body:
            entry["requestBody"] = self._request_body(operation)
        entry["responses"] = self._responses(operation)
        return entry

    def _security(self, operation: Operation) -> list[Mapping[str, Any]]:
        offered = _SECURITY[operation.auth]
        return [scheme for scheme in offered if "x402" not in scheme or self._facts.payment]

    def _offered(self, param: Param) -> bool:
        return param.name != "PAYMENT-SIGNATURE" or self._facts.payment is not None

    def _request_body(self, operation: Operation) -> dict[str, Any]:
        content: dict[str, Any] = {"schema": _resolved(self._request(operation), self._sent)}
        tool = self._tool(operation)
        if tool is not None and tool.examples and not operation.form:
            content["examples"] = {
                f"example{number}": {"value": self._example(tool, example)}
                for number, example in enumerate(tool.examples, 1)
            }
        media_type = FORM if operation.form else JSON
        return {"required": operation.body_required, "content": {media_type: content}}

    def _example(self, tool: AnyTool, example: Mapping[str, Any]) -> dict[str, Any]:
        """With a model that this server has."""
        if "model" not in example:
            return dict(example)
        return {**example, "model": example_model(self._facts, tool.modality, example["model"])}

    def _responses(self, operation: Operation) -> dict[str, Any]:
        responses = {
            str(status): self._reply(reply) for status, reply in self._replies(operation).items()
        }
        by_status: dict[str, list[ErrorType]] = {}
        for error in errors_of(operation):
            by_status.setdefault(str(error.status), []).append(error)
        for status, errors in by_status.items():
            if status not in responses:
                responses[status] = self._failure(errors)
        return dict(sorted(responses.items()))

    def _reply(self, reply: Reply) -> dict[str, Any]:
        shown: dict[str, Any] = {"description": reply.description}
        headers = [name for name in reply.headers if self._facts.payment or name != "PAYMENT-RESPONSE"]
        if headers:
            shown["headers"] = _headers(headers)
        if reply.content:
            shown["content"] = {
                media_type: {"schema": self._media(media_type, body)}
                for media_type, body in reply.content.items()
            }
        return shown

    def _media(self, media_type: str, body: Body) -> Any:
        """The schema of a body; of a stream, that of each of its events, whose data is JSON (OpenAI's
        first streams end with data that is none)."""
        schema = _resolved(body, self._shown)
        if media_type != SSE:
            return schema
        data = {"type": "string", "contentMediaType": JSON, "contentSchema": schema}
        return {
            "type": "object",
            "properties": {"event": {"type": "string"}, "data": {"anyOf": [_END, data]}},
            "required": ["data"],
        }

    def _failure(self, errors: Sequence[ErrorType]) -> dict[str, Any]:
        status = errors[0].status
        headers = ["X-Request-Id", "x-should-retry"]
        if any(error.retryable for error in errors):
            headers.append("Retry-After")
        if status == 401:
            headers.append("WWW-Authenticate")
        body: Body = Error
        if status == 402 and self._facts.payment:
            headers += CHALLENGE
            body = {"anyOf": [Error, PaymentRequiredV1]}
        examples: dict[str, Any] = {}
        for error in errors:
            examples.setdefault(error.code, {"value": example_of(error)})
        return {
            "description": ", ".join(examples),
            "headers": _headers(headers),
            "content": {JSON: {"schema": _resolved(body, self._shown), "examples": examples}},
        }

    def _replies(self, operation: Operation) -> Mapping[int, Reply]:
        if operation.replies:
            return operation.replies
        tool = self._tool(operation)
        if tool is None:
            raise ValueError(f"{operation.operation_id} has neither a tool nor a reply")
        content: dict[str, Body] = {JSON: tool.Output}
        if tool.quote is None:
            return {200: Reply(f"The output of {tool.name}.", content, CALL)}
        content = {JSON: {"allOf": [tool.Output, WithEvidence]}}
        if operation.events is not None:
            content[SSE] = {"anyOf": [operation.events, Error]}
        return {200: Reply("The answer, charged and signed.", content, (*CALL, *RECORD, *SETTLEMENT))}

    def _request(self, operation: Operation) -> Any:
        if operation.request is not None or not operation.takes_body:
            return operation.request
        tool = self._tool(operation)
        return tool.Input if tool is not None else None

    def _tool(self, operation: Operation) -> AnyTool | None:
        return self._registry.get(operation.tool) if operation.tool else None

    def _exists(self, operation: Operation) -> bool:
        if operation.tool is not None and self._registry.get(operation.tool) is None:
            raise ValueError(f"{operation.operation_id}: there is no tool {operation.tool!r}")
        return True

    def _components(self, models: set[type[BaseModel]], mode: Mode) -> dict[Any, Any]:
        ordered = sorted(models, key=lambda model: model.__name__)
        refs, schemas = model_schemas(ordered, _REF, mode)
        for name, schema in schemas.items():
            if self._schemas.setdefault(name, schema) != schema:
                raise ValueError(f"two models are named {name}")
        return refs


def _models(body: Any) -> Iterator[type[BaseModel]]:
    """The models that a body refers to, at any depth."""
    if isinstance(body, type):
        yield body
    elif isinstance(body, Mapping):
        for value in body.values():
            yield from _models(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from _models(value)


def _resolved(body: Any, refs: Mapping[Any, Any]) -> Any:
    """A body with its models as references."""
    if isinstance(body, type):
        return refs[body]
    if isinstance(body, Mapping):
        return {name: _resolved(value, refs) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [_resolved(value, refs) for value in body]
    return body


def _param(param: Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "in": param.place,
        "required": param.required,
        "description": param.description,
        "schema": dict(param.schema),
    }


def _headers(names: Sequence[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
