"""The text of a prompt version: messages with {{variables}}, filled in once."""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from base.errors import InvalidRequest

NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
VERSION: Final = r"^[A-Za-z0-9._-]{1,32}$"
ANY_VERSION: Final = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63}@)?[A-Za-z0-9._-]{1,32}$"
MOST_VARIABLES: Final = 64
MOST_FILLED_CHARS: Final = 2_000_000
"""Of a prompt with its variables: a variable stands as often as a template says."""
_HOLE: Final = re.compile(r"\{\{ {0,8}([A-Za-z_][A-Za-z0-9_]{0,63}) {0,8}\}\}")

Variables = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")],
        Annotated[str, Field(max_length=200_000)],
    ],
    Field(max_length=MOST_VARIABLES),
]


class PromptMessage(BaseModel):
    """One message of a template."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(
        min_length=1, max_length=200_000, description="Text; {{name}} stands for a variable."
    )


class Template(BaseModel):
    """What a version says: immutable, named by its hash."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    messages: list[PromptMessage] = Field(min_length=1, max_length=64)
    description: str = Field("", max_length=500, description="For people and agents.")

    @property
    def variables(self) -> list[str]:
        """The names that stand in the messages, in their order."""
        found = (name for message in self.messages for name in _HOLE.findall(message.content))
        return list(dict.fromkeys(found))

    @property
    def digest(self) -> str:
        """The SHA-256 of the messages and the description, spelled as hashes of records are."""
        return "sha256:" + hashlib.sha256(self.sealable()).hexdigest()

    def sealable(self) -> bytes:
        return orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)

    def filled(self, variables: Mapping[str, str]) -> list[dict[str, Any]]:
        """The messages with each variable in its place; what a variable says is not looked through.

        Raises InvalidRequest for a variable that lacks, for one that stands nowhere, and for more than
        ``MOST_FILLED_CHARS`` in all.
        """
        wanted = self.variables
        lacking = [name for name in wanted if name not in variables]
        if lacking:
            raise InvalidRequest(
                f"prompt.variables lacks {lacking[0]}.",
                param="prompt.variables",
                resolution=f"Give all of: {', '.join(wanted)}.",
            )
        unknown = [name for name in variables if name not in wanted]
        if unknown:
            raise InvalidRequest(
                f"prompt.variables has {unknown[0]}, which stands nowhere in the prompt.",
                param="prompt.variables",
                resolution=f"Give only: {', '.join(wanted)}." if wanted else "Leave variables out.",
            )
        if self._length(variables) > MOST_FILLED_CHARS:
            raise InvalidRequest(
                f"The prompt with its variables has more than {MOST_FILLED_CHARS} characters.",
                param="prompt.variables",
                resolution="Shorten the variables.",
            )
        return [
            {
                "role": message.role,
                "content": _HOLE.sub(lambda hole: variables[hole[1]], message.content),
            }
            for message in self.messages
        ]

    def _length(self, variables: Mapping[str, str]) -> int:
        """Of what ``filled`` makes, or a little more."""
        texts = [message.content for message in self.messages]
        holes = (name for text in texts for name in _HOLE.findall(text))
        return sum(map(len, texts)) + sum(len(variables[name]) for name in holes)


def version_id_of(name: str, version: str) -> str:
    """``support@v2``: how calls, records and lists name a version."""
    return f"{name}@{version}"


def parted(version_id: str) -> tuple[str, str | None]:
    """The name of a prompt and the version, None where it is not said."""
    name, at, version = version_id.rpartition("@")
    return (name, version) if at else (version_id, None)
