"""Top-ups as the settings have them."""

from base.clock import Clock
from base.settings import Settings
from server.topups import TopUpRoutes
from server.web.caller import Callers
from settlement.deposits.deposits import Deposits
from settlement.topups.alipay import Alipay
from settlement.topups.orders import Orders
from settlement.topups.stripe_checkout import StripeCheckout
from storage.op import Store


def topup_routes(
    settings: Settings,
    url: str,
    store: Store,
    callers: Callers,
    clock: Clock,
    deposits: Deposits | None,
) -> TopUpRoutes:
    """``url`` is where this server is reached: providers tell it what was paid."""
    return_url = settings.topup_return_url or f"{url}/"
    by_alipay = settings.alipay
    return TopUpRoutes(
        orders=Orders(store, clock),
        callers=callers,
        clock=clock,
        body_limit=settings.max_body_bytes,
        stripe=_stripe(settings, return_url),
        alipay=_alipay(settings, url, return_url),
        deposits=deposits,
        nano_per_fen=by_alipay.nano_per_fen if by_alipay else 0,
    )


def _stripe(settings: Settings, return_url: str) -> StripeCheckout | None:
    chosen = settings.stripe
    if chosen is None:
        return None
    return StripeCheckout(
        secret_key=chosen.secret_key.get_secret_value(),
        webhook_secret=chosen.webhook_secret.get_secret_value(),
        return_url=return_url,
        api_base=chosen.api_base,
    )


def _alipay(settings: Settings, url: str, return_url: str) -> Alipay | None:
    chosen = settings.alipay
    if chosen is None:
        return None
    return Alipay(
        app_id=chosen.app_id,
        seller_id=chosen.seller_id,
        private_key=chosen.private_key.get_secret_value(),
        public_key=chosen.public_key,
        gateway=chosen.gateway,
        notify_url=f"{url}/v1/topup/alipay/notify",
        return_url=return_url,
    )
