"""A resolver whose names lead where a test wants; numbers and localhost go by the machine's own."""

import re
import socket
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_NUMBERS: Final = re.compile(r"[0-9a-fx.]+")


class Names(AbstractResolver):
    """``names`` maps a name to its addresses. ``rebinding`` gives the next one at
    each look-up."""

    def __init__(
        self, names: Mapping[str, Iterable[str]], *, rebinding: Mapping[str, list[str]]
    ) -> None:
        self._names = names
        self._rebinding = {name: list(answers) for name, answers in rebinding.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        name = host.rstrip(".").lower()
        if answers := self._rebinding.get(name):
            return [_result(host, answers.pop(0) if len(answers) > 1 else answers[0], port)]
        if name in self._names:
            return [_result(host, address, port) for address in self._names[name]]
        if name == "localhost" or _NUMBERS.fullmatch(name):
            return [_result(host, address, port) for address in _numeric(name)]
        raise OSError(f"no such name: {name}")

    async def close(self) -> None:
        """Nothing to close."""


def _numeric(name: str) -> list[str]:
    flags = 0 if name == "localhost" else socket.AI_NUMERICHOST
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None, flags=flags)})


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
