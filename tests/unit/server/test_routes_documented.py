"""Every route of the control plane is an operation, and every GET and DELETE operation is a route."""

from typing import Any, cast

from prometheus_client import CollectorRegistry
from starlette.routing import Route

from server.account import AccountRoutes
from server.documents import document_routes
from server.experiments import ExperimentRoutes
from server.free import FreeDoor
from server.health import Health
from server.keys import KeyRoutes
from server.metrics import Metrics
from server.openai.batches import BatchDoor, WebhookDoor
from server.openai.files import FileDoor
from server.openai.models import model_routes
from server.openai.pictures import picture_routes
from server.openai.stored_responses import StoredResponses
from server.openai.videos import VideoDoor
from server.otlp import OtlpRoutes
from server.prompts import PromptRoutes
from server.proof import Proof
from server.reservations import ReservationRoutes
from server.salts import SaltRoutes
from server.sign_in import SignInRoutes
from server.status.routes import StatusRoutes
from server.topups import TopUpRoutes
from server.traces import TraceRoutes
from server.web.caller import Callers
from settlement.evidence.reader import EvidenceReader
from tests.unit.manifests import sample


def test_routes_and_operations_are_the_same() -> None:
    nothing = sample.NOTHING
    no_gauges = cast("Any", CollectorRegistry())
    settings = sample.settings(security_contact="https://agents.example/security")
    callers = Callers(nothing, nothing, nothing, 1.0)
    own = FreeDoor(nothing, callers, callers.account)
    routes: list[Route] = [
        *AccountRoutes(own, nothing, nothing).routes(),
        *KeyRoutes(nothing, callers, nothing, nothing, 1).routes(),
        *TraceRoutes(own).routes(),
        *PromptRoutes(nothing, nothing, callers, 1).routes(),
        *ExperimentRoutes(nothing, nothing, nothing, callers, 1).routes(),
        *OtlpRoutes(nothing, callers, nothing, 1).routes(),
        *ReservationRoutes(nothing, callers).routes(),
        *SaltRoutes(nothing, nothing, nothing, callers).routes(),
        *Health(nothing, nothing, nothing, Metrics(), no_gauges).routes(),
        *StatusRoutes(nothing).routes(),
        *StoredResponses(nothing, nothing, callers, nothing, 1).routes(),
        *model_routes(FreeDoor(nothing, nothing)),
        *TopUpRoutes(nothing, callers, nothing, 1, None, None, None, 0).routes(),
        Route("/v1/payments/{id}", nothing),
        *SignInRoutes(nothing, 1).routes(),
        *FileDoor(nothing, nothing, 1.0).routes(),
        *BatchDoor(nothing, nothing, nothing, 1.0).routes(),
        *VideoDoor(nothing, nothing, nothing, nothing).routes(),
        *WebhookDoor(nothing, nothing, nothing, 1).routes(),
        *Proof(EvidenceReader(nothing, nothing, nothing), nothing, nothing).routes(),
        *(r for r in picture_routes(nothing, 60) if r.methods and "GET" in r.methods),
        *document_routes(sample.rendered(by=settings)),
    ]
    served = {route.path.replace(":path}", "}") for route in routes if route.methods != {"POST"}}
    assert served == {o.path for o in sample.listed() if o.method in ("GET", "DELETE")}
