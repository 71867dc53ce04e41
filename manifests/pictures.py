"""The operations of pictures."""

from collections.abc import Sequence
from dataclasses import replace

from base.errors import NotFound, NotInVocabulary
from manifests.operation import Auth, ErrorType, Operation, Param, Reply

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
