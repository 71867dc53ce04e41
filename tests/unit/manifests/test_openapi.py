"""OpenAPI: complete, consistent, and true to the tools and the errors."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # has no stubs

from manifests.errors import errors_of
from manifests.headers import HEADERS
from manifests.operation import Auth, Operation
from tests.unit.manifests import sample


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(sample.rendered()["/openapi.json"].body)
    return loaded


def every(value: Any, at: str = "#") -> Iterator[tuple[str, Any]]:
    """Every value of a document with its place."""
    yield at, value
    if isinstance(value, dict):
        for name, child in value.items():
            yield from every(child, f"{at}/{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from every(child, f"{at}/{index}")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolve(reference: str) -> Any:
    value: Any = document()
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that validates alone: with the components that it refers to."""
    return {**schema, "components": document()["components"]}


def test_every_reference_leads_somewhere() -> None:
    references = {
        value["$ref"]
        for _, value in every(document())
        if isinstance(value, dict) and isinstance(value.get("$ref"), str)
    }
    assert references
    for reference in references:
        assert reference.startswith("#/components/"), reference
        assert resolve(reference)


def test_operation_ids_are_unique_and_tags_are_declared() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    declared = {tag["name"] for tag in document()["tags"]}
    assert {tag for _, _, operation in operations() for tag in operation["tags"]} <= declared


def test_every_component_is_a_schema_and_is_used() -> None:
    text = json.dumps(document())
    for name, schema in document()["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        if name != "PaymentRequired":  # the content of the PAYMENT-REQUIRED header
            assert f'"#/components/schemas/{name}"' in text, name


def test_path_parameters_are_those_of_the_path() -> None:
    for path, _, operation in operations():
        named = set(re.findall(r"{(\w+)}", path))
        given = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert named == given, path
        assert all(p["required"] for p in operation.get("parameters", ()) if p["in"] == "path")


def test_every_answer_has_a_schema_and_every_error_the_documented_shape() -> None:
    for path, _, operation in operations():
        for status, reply in operation["responses"].items():
            assert reply["description"], (path, status)
            if status not in ("202", "204"):
                for content in reply["content"].values():
                    assert content["schema"], (path, status)
            if int(status) >= 400 and "examples" in reply.get("content", {}).get("application/json", {}):
                for code, example in reply["content"]["application/json"]["examples"].items():
                    schema = complete({"$ref": "#/components/schemas/Error"})
                    Draft202012Validator(schema).validate(example["value"])
                    assert example["value"]["error"]["code"] == code


@pytest.mark.parametrize("operation", sample.listed(), ids=lambda o: o.operation_id)
def test_every_documented_error_of_an_operation_has_an_example(operation: Operation) -> None:
    shown = document()["paths"].get(operation.path, {}).get(operation.method.lower())
    if shown is None:
        pytest.skip("not on this server")
    for error in errors_of(operation):
        reply = shown["responses"][str(error.status)]
        if error.status not in operation.replies:
            assert error.code in reply["content"]["application/json"]["examples"], error


def test_request_examples_fit_their_schemas() -> None:
    checked = 0
    for _, _, operation in operations():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            Draft202012Validator(complete(content["schema"])).validate(example["value"])
            checked += 1
    assert checked >= 3


def test_paid_operations_name_price_schemes_and_documented_headers() -> None:
    paid = [o for o in sample.listed() if o.auth is Auth.PAID]
    assert [o.operation_id for o in paid] == [
        "createChatCompletion",
        "createResponse",
        "createCompletion",
        "createEmbeddings",
        "createSpeech",
        "createTranscription",
        "createRerank",
        "createClassification",
        "createModeration",
        "createImage",
        "createImageShort",
        "editImage",
        "createAttestation",
        "buyCredits",
        "createBatch",
        "createVideo",
    ]
    for operation in paid:
        shown = document()["paths"][operation.path]["post"]
        assert shown["security"] == [{"bearer": []}, {"x402": []}]
        assert shown["x-payment-info"]["protocols"] == [{"x402": {}}]
        assert shown["x-payment-info"]["price"]["min"] == "0.000007"
        assert {
            "traceparent",
            "X-Request-Id",
            "X-BatchIn-Run-Id",
            "X-BatchIn-Prompt-Version",
            "X-VaaS-Record-Id",
            "X-VaaS-Signature",
            "X-VaaS-PublicKey",
        } <= set(shown["responses"]["200"]["headers"])
        assert "PAYMENT-REQUIRED" in shown["responses"]["402"]["headers"]
    assert set(document()["components"]["headers"]) == set(HEADERS)


def test_a_streamed_chat_is_described_by_its_event() -> None:
    content = document()["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    chunk = {
        "id": "chatcmpl_1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": None, "finish_reason": None}],
    }
    event = content["text/event-stream"]["schema"]
    end, data = event["properties"]["data"]["anyOf"]
    assert end == {"const": "[DONE]"}
    schema = complete(data["contentSchema"])
    Draft202012Validator(schema).validate(chunk)
    assert not Draft202012Validator(schema).is_valid({**chunk, "object": "chat.completion"})


def test_without_x402_nothing_tells_of_it() -> None:
    documents = sample.rendered(sample.facts(payment=None))
    text = documents["/openapi.json"].text
    assert "/.well-known/x402" not in documents
    for word in ("PAYMENT-SIGNATURE", '"x402": []', "payment_reused"):
        assert word not in text, word
    assert "x402" not in json.loads(text)["components"]["securitySchemes"]
    assert "## Pay per call with x402" not in documents["/agents.md"].text


def test_an_operation_without_its_tool_is_a_mistake() -> None:
    from tools.core import Registry

    with pytest.raises(ValueError, match="there is no tool"):
        sample.rendered(tools=Registry([]))
