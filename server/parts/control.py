"""The routes of the control plane: everything that is not on a hot path."""

from dataclasses import dataclass

from starlette.routing import Route

from server.account import AccountRoutes
from server.documents import document_routes
from server.free import FreeDoor
from server.funding import topup_routes
from server.gauges import Gauges
from server.health import Health
from server.kept import Kept, Paid
from server.keys import KeyRoutes
from server.live import LiveRoutes
from server.openai.models import model_routes
from server.openai.pictures import picture_routes
from server.pages.routes import page_routes
from server.parts.core import Beneath, Core
from server.parts.resources import resource_of
from server.payment_status import payment_endpoint
from server.proof import Proof
from server.reservations import ReservationRoutes
from server.salts import SaltRoutes
from server.sign_in import SignInRoutes
from server.site.build import site_of
from server.status.routes import StatusRoutes
from server.traces import TraceRoutes
from server.web.caller import Callers
from settlement.limits.addresses import AddressLimits
from settlement.x402.status import PaymentStatus


def gauges_of(beneath: Beneath, core: Core) -> Gauges:
    """What this server measures of its engines, its store and its payments."""
    engines, ground = beneath.machinery.runtime.engines, beneath.ground
    return Gauges(engines.health, ground.store, ground.clock, core.paying.reconciliation)


@dataclass(frozen=True, slots=True)
class Control:
    """``addresses`` rations what is free."""

    beneath: Beneath
    core: Core
    callers: Callers
    addresses: AddressLimits
    status: StatusRoutes

    def routes(self) -> list[Route]:
        """The first that fits a path serves it."""
        return [
            *self._health(),
            *model_routes(self._free),
            *self._account(),
            *self._money(),
            *Proof(self.beneath.ground.proofs(), self.beneath.seat, self.addresses).routes(),
            *self._pictures(),
            *self._kept(),
            *self._sign_in(),
            *self.status.routes(),
            *self._live(),
            *self._pages(),
            *document_routes(self.core.documents.shown),
        ]

    @property
    def _free(self) -> FreeDoor:
        return FreeDoor(self.core.invoker, self.callers)

    def _health(self) -> list[Route]:
        beneath, sight = self.beneath, self.beneath.sight
        engines, works = beneath.machinery.runtime.engines.health, beneath.ground.store.works
        gauges = gauges_of(beneath, self.core)
        return Health(sight.readiness, engines, works, sight.metrics, gauges).routes()

    def _account(self) -> list[Route]:
        ground, invoker, callers = self.beneath.ground, self.core.invoker, self.callers
        own = FreeDoor(invoker, callers, callers.account)
        limit = ground.settings.max_body_bytes
        return [
            *AccountRoutes(own, ground.keys, ground.clock).routes(),
            *TraceRoutes(own).routes(),
            *KeyRoutes(ground.keys, callers, ground.clock, invoker.observer, limit).routes(),
            *ReservationRoutes(ground.lanes, callers).routes(),
            *SaltRoutes(ground.ledger().usage, ground.proofs(), ground.salts, callers).routes(),
        ]

    def _money(self) -> list[Route]:
        ground, deposits = self.beneath.ground, self.beneath.money.deposits
        paid_to = (ground.settings, ground.url, ground.store, self.callers, ground.clock, deposits)
        status = payment_endpoint(PaymentStatus(ground.store).find)
        return [*topup_routes(*paid_to).routes(), Route("/v1/payments/{id}", status)]

    def _pictures(self) -> list[Route]:
        ttl_s = self.beneath.ground.settings.image_ttl_s
        return picture_routes(self.beneath.work.pictures.read, ttl_s)

    def _kept(self) -> list[Route]:
        ground, work, core = self.beneath.ground, self.beneath.work, self.core
        book, spans = work.background.book, self.beneath.sight.spans
        kept = Kept(work.files, work.jobs, work.videos, ground.shelf, book, core.records, spans)
        registry = core.invoker.registry
        paid = Paid(
            resource_of(ground.url, registry, "/v1/batches", "batch"),
            resource_of(ground.url, registry, "/v1/videos", "video"),
        )
        return kept.routes(ground.settings, core.invoker, self.callers, paid)

    def _sign_in(self) -> list[Route]:
        wallets, limit = self.core.paying.wallets, self.beneath.ground.settings.max_body_bytes
        return SignInRoutes(wallets, limit).routes() if wallets else []

    def _live(self) -> list[Route]:
        ground, sight = self.beneath.ground, self.beneath.sight
        parts = (sight.feed, self.callers, sight.readiness)
        return LiveRoutes(*parts, ground.settings.send_timeout_s).routes()

    def _pages(self) -> list[Route]:
        url, shown = self.beneath.ground.url, self.core.documents.shown
        return page_routes(site_of(url, shown, self.status, self._free))
