"""The free tools beside one that hands in jobs: how a job of the caller stands, and to stop it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from base.errors import Unauthorized
from tools.core import Annotations, Call, Tool
from tools.immediate import Immediate

Answer = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""What an account is told of its job with an id. Raises NotFound, the same for somebody else's."""


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Beside:
    """What the tools of one kind of jobs have in common. ``Input`` has the member ``id``."""

    Input: type[BaseModel]
    Output: type[BaseModel]
    modality: str
    example: Mapping[str, Any]
    available: Callable[[], bool] = always
    content: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]] | None = None

    def look(self, name: str, title: str, description: str, answer: Answer) -> Tool[Any]:
        return self._tool(name, title, description, answer, read_only=True)

    def cancel(self, name: str, title: str, description: str, answer: Answer) -> Tool[Any]:
        return self._tool(name, title, description, answer, read_only=False)

    def _tool(
        self, name: str, title: str, description: str, answer: Answer, *, read_only: bool
    ) -> Tool[Any]:
        return Tool(
            name=name,
            title=title,
            description=description,
            Input=self.Input,
            Output=self.Output,
            run=lambda args, call: Immediate(lambda: answer(_account(call, args.id), args.id)),
            quote=None,
            modality=self.modality,
            annotations=Annotations(read_only=read_only, idempotent=True),
            examples=(self.example,),
            available=self.available,
            content=self.content,
        )


def _account(call: Call, job_id: str) -> str:
    account_id = call.caller.account_for(job_id)
    if account_id is None:
        raise Unauthorized
    return account_id
