"""The operations of pictures."""

from collections.abc import Sequence
from dataclasses import replace

from base.errors import EngineNotConfigured, NotFound, NotInVocabulary
from manifests.operation import Auth, Body, ErrorType, Operation, Param, Reply
from tools.image import ImageInput

PNG = "image/png"
_NAME = Param("name", "path", "The name that the link holds.", required=True)


def pictures(params: Sequence[Param], payment_errors: Sequence[ErrorType]) -> tuple[Operation, ...]:
    """Make a picture by two names, and fetch it."""
    made = Operation(
        "POST",
        "/v1/images/generations",
        "createImage",
        "Make pictures",
        Auth.PAID,
        "image",
        "OpenAI's image generation. Pictures are PNG, under a link that expires or as base64. What the "
        "model can't draw is refused before anything is paid.",
        "openai",
        params,
        errors=(NotInVocabulary, *payment_errors),
    )
    return (
        made,
        replace(
            made,
            path="/v1/images",
            operation_id="createImageShort",
            description="The same as /v1/images/generations.",
        ),
        Operation(
            "POST",
            "/v1/images/edits",
            "editImage",
            "Change pictures",
            Auth.PAID,
            "image",
            "OpenAI's image edit: one picture, or several, and what to make of them, as a multipart "
            "form or as JSON with URLs. Masks are not taken. Refused with 503 engine_not_configured, "
            "before any payment is asked for, while no model of this server changes pictures.",
            "openai",
            params,
            request=_form(),
            errors=(EngineNotConfigured, *payment_errors),
            form=True,
            seeing=True,
        ),
        Operation(
            "GET",
            "/images/generated/{name}.png",
            "getPicture",
            "Fetch a picture",
            description="The picture of a link. Whoever has the link may fetch it, until it expires.",
            tag="openai",
            params=(_NAME,),
            replies={
                200: Reply("The picture.", {PNG: {"type": "string", "format": "binary"}}),
            },
            errors=(NotFound,),
        ),
    )


def _form() -> Body:
    """The tool's arguments as the parts of a form: the pictures are files."""
    schema = ImageInput.model_json_schema()
    file = {"type": "string", "format": "binary"}
    schema["properties"]["image"] = {"anyOf": [file, {"type": "array", "items": file}]}
    schema["required"] = [*schema["required"], "image"]
    schema.pop("description", None)
    return schema
