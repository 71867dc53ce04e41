"""Files that callers give with a call: uploaded in a form, or told as text."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema

from base.upload import Upload

_MOST_CHARS: Final = 28_000_000


def _given(value: Any) -> Any:
    if isinstance(value, Upload):
        return value
    if not isinstance(value, str):
        raise ValueError("should be a URL, a data: URL or, in a form, a file")
    if len(value) > _MOST_CHARS:
        raise ValueError(f"should have at most {_MOST_CHARS} characters")
    return value


if TYPE_CHECKING:
    GivenPicture = Upload | str
else:  # a schema that knows the type would publish its fields
    GivenPicture = Annotated[Any, PlainValidator(_given), WithJsonSchema({"type": "string"})]
    """The URL or data: URL of a picture, or its file."""
