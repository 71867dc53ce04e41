"""A request that is not carried out."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """An answer of another status than 200."""

    def __init__(self, answer: Mapping[str, Any], status: int = 400) -> None:
        super().__init__()
        self.answer = answer
        self.status = status
