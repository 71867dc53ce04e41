"""The paths of calls: each one look-up from its door."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from starlette.types import ASGIApp

from base.resource import Resource
from runtime.engine import Modality
from server.openai.chat import ChatDoor
from server.openai.pictures import EditReader
from server.openai.responses import ResponsesDoor
from server.openai.shown import as_attestation
from server.openai.sound_door import speech_door, transcription_door
from server.openai.text_chunks import TextChunkWriter
from server.openai.whole_door import WholeDoor
from server.parts.ground import Ground
from server.parts.resources import resource_of
from server.tools import EDITS, ENDPOINTS
from server.web.by_address import Limited
from server.web.caller import Callers
from settlement.limits.addresses import AddressLimits
from tools.invoke import Invoker
from tools.responses.background_book import BackgroundBook

_CHAT: Final = "/v1/chat/completions"
_RESPONSES: Final = "/v1/responses"
_COMPLETIONS: Final = "/v1/completions"
_SPEECH: Final = "/v1/audio/speech"
_TRANSCRIPTIONS: Final = "/v1/audio/transcriptions"
_BUNDLE: Final = "/v1/audit/verify-bundle"


@dataclass(frozen=True, slots=True)
class HotPaths:
    """``addresses`` rations what is free; ``background`` has the responses that are made later."""

    ground: Ground
    invoker: Invoker
    callers: Callers
    background: BackgroundBook
    addresses: AddressLimits

    def apps(self) -> dict[str, ASGIApp]:
        """The app of the POST of each path."""
        return {**self._words(), **self._sounds(), **self._pictures(), **self._money_and_proof()}

    def _words(self) -> Mapping[str, ASGIApp]:
        chat, responses = self._resource(_CHAT, "chat"), self._resource(_RESPONSES, "respond")
        texts = self._resource(_COMPLETIONS, "complete")
        parts, key = (self.invoker, self.callers), self.ground.public_key
        written = ("complete", TextChunkWriter)
        return {
            _CHAT: ChatDoor(*parts, chat, *self._limits, key),
            _RESPONSES: ResponsesDoor(*parts, responses, *self._limits, key, self.background),
            _COMPLETIONS: ChatDoor(*parts, texts, *self._limits, key, *written),
            "/v1/embeddings": self._whole("/v1/embeddings", "embed"),
            "/v1/rerank": self._whole("/v1/rerank", "rerank"),
            "/v1/classify": self._whole("/v1/classify", "classify"),
            "/v1/moderations": self._whole("/v1/moderations", "moderate"),
        }

    def _sounds(self) -> Mapping[str, ASGIApp]:
        key, most_bytes = self.ground.public_key, self.ground.settings.max_upload_bytes
        heard = self._whole(_TRANSCRIPTIONS, "transcribe", "form-data")
        return {
            _SPEECH: speech_door(self._whole(_SPEECH, "speech"), key),
            _TRANSCRIPTIONS: transcription_door(heard, key, most_bytes),
        }

    def _pictures(self) -> Mapping[str, ASGIApp]:
        edits = EditReader(self.ground.settings.max_upload_bytes)
        return {
            **{path: self._whole(path, "image") for path in ENDPOINTS[Modality.IMAGE]},
            EDITS: replace(self._whole(EDITS, "image", "form-data"), read=edits),
        }

    def _money_and_proof(self) -> Mapping[str, ASGIApp]:
        sold = self.ground.settings.x402
        bundle = replace(self._whole(_BUNDLE, "verify"), arguments=lambda body: {"bundle": body})
        return {
            "/v1/quote": self._whole("/v1/quote", "quote"),
            **({"/v1/credits": self._whole("/v1/credits", "credits")} if sold else {}),
            "/v1/vaas": replace(self._whole("/v1/vaas", "attest"), show=as_attestation),
            _BUNDLE: Limited(bundle, self.addresses),
        }

    @property
    def _limits(self) -> tuple[int, float]:
        return self.ground.settings.max_body_bytes, self.ground.settings.send_timeout_s

    def _whole(self, path: str, tool: str, body_type: str = "json") -> WholeDoor:
        resource = self._resource(path, tool, body_type)
        return WholeDoor(tool, self.invoker, self.callers, resource, *self._limits)

    def _resource(self, path: str, tool: str, body_type: str = "json") -> Resource:
        return resource_of(self.ground.url, self.invoker.registry, path, tool, body_type)
