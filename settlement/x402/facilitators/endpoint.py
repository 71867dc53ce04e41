"""One facilitator over HTTP: POST /verify and /settle, GET /supported (x402 version 2)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_MOST_BYTES: Final = 65_536
_FAILURES: Final = 3
_SHUT_S: Final = 30.0
_DISTRUST_S: Final = 600.0


class NotSent(Exception):
    """It did not get the request: nothing happened."""


class NoAnswer(Exception):
    """It may have got the request; what it made of it is unknown."""


@dataclass(slots=True)
class Breaker:
    """Shut after three failures in a row, for half a minute; then one request tries again. A facilitator
    that was found to lie is left alone for ten minutes."""

    now_s: Callable[[], float]
    failures: int = 0
    shut_until_s: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it is asked now."""
        return self.now_s() >= self.shut_until_s

    def answered(self) -> None:
        self.failures = 0

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= _FAILURES:
            self.shut_until_s = self.now_s() + _SHUT_S

    def lied(self) -> None:
        self.shut_until_s = self.now_s() + _DISTRUST_S


@dataclass(slots=True)
class Endpoint:
    """``headers`` authorize us there, and are never logged. Every method raises NotSent and NoAnswer."""

    url: str
    session: aiohttp.ClientSession
    breaker: Breaker
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 30.0

    async def supports(self, scheme: str, network: str) -> bool:
        told = await self._ask("GET", "supported", None)
        kinds = told.get("kinds")
        return isinstance(kinds, list) and any(
            isinstance(kind, dict) and (kind.get("scheme"), kind.get("network")) == (scheme, network)
            for kind in kinds
        )

    async def settler(self, network: str) -> str:
        """The address with which it settles ``upto`` on a network, "" where it does not."""
        told = await self._ask("GET", "supported", None)
        kinds = told.get("kinds")
        for kind in kinds if isinstance(kinds, list) else ():
            if not isinstance(kind, dict) or kind.get("x402Version") != 2:
                continue
            if (kind.get("scheme"), kind.get("network")) == ("upto", network):
                extra = kind.get("extra")
                address = extra.get("facilitatorAddress") if isinstance(extra, dict) else None
                return address if isinstance(address, str) and _ADDRESS.fullmatch(address) else ""
        return ""

    async def verify(self, body: Mapping[str, Any]) -> str | None:
        """Why it would not settle, None when it would."""
        told = await self._ask("POST", "verify", body)
        if type(told.get("isValid")) is not bool:
            raise self._broken()
        return None if told["isValid"] else _reason(told.get("invalidReason"))

    async def settle(self, body: Mapping[str, Any]) -> tuple[str, str]:
        """The transaction and "", or what it names and the reason for which it is not settled."""
        told = await self._ask("POST", "settle", body)
        transaction = told.get("transaction") or ""
        if type(told.get("success")) is not bool or not isinstance(transaction, str):
            raise self._broken()
        return transaction.lower(), "" if told["success"] else _reason(told.get("errorReason"))

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            told = await self._exchange(method, path, body)
        except aiohttp.ClientConnectorError as error:
            self.breaker.failed()
            raise NotSent from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._broken() from error
        self.breaker.answered()
        return told

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else orjson.dumps(body)
        headers = {**self.headers, "Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        asked = self.session.request(
            method,
            f"{self.url}/{path}",
            data=data,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        )
        async with asked as response:
            raw = await response.content.read(_MOST_BYTES)
            told = orjson.loads(raw)
        refused = response.status in (400, 402) and isinstance(told, dict)  # some tell their no so
        if not isinstance(told, dict) or not (response.status == 200 or refused):
            raise ValueError(f"status {response.status}")
        return told

    def _broken(self) -> NoAnswer:
        self.breaker.failed()
        return NoAnswer()


def _reason(told: Any) -> str:
    """Its reason, as far as it can be shown."""
    plain = isinstance(told, str) and 0 < len(told) <= 80 and told.isascii() and told.isprintable()
    return told if plain else "refused_by_facilitator"
