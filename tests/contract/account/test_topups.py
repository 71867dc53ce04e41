"""Top-ups over HTTP: Stripe's library against a stand-in of its API, signed webhooks, Alipay's pages."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
import stripe

from tests.live import LiveServer, running
from tests.unit.settlement.topups.conftest import key_pair
from tests.unit.settlement.topups.test_alipay import THEIRS, noticed
from tests.watched import Watched

SECRET = "whsec_contract"
STRIPE_KEY = "sk_test_contract"


class StripeStandIn(BaseHTTPRequestHandler):
    """Makes a checkout session as Stripe's API does; remembers what was asked."""

    asked: list[dict[str, list[str]]] = []  # noqa: RUF012 - of the class, there is one server

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        allowed = self.headers["authorization"] == f"Bearer {STRIPE_KEY}"
        broken = form["line_items[0][price_data][unit_amount]"] == ["66600"]
        self.asked.append(form)
        order = form["client_reference_id"][0]
        session = {"id": f"cs_{order}", "object": "checkout.session", "url": "https://pay.example/x"}
        body = json.dumps(session if allowed and not broken else {"error": {"message": "no"}}).encode()
        self.send_response(200 if allowed and not broken else 500 if broken else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), StripeStandIn) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        card = {
            "secret_key": STRIPE_KEY,
            "webhook_secret": SECRET,
            "api_base": f"http://127.0.0.1:{api.server_address[1]}",
        }
        app = {
            "app_id": "2021000000000001",
            "seller_id": "2088000000000001",
            "private_key": key_pair().private,
            "public_key": THEIRS.public,
            "usd_per_cny": "0.14",
        }
        env = {
            "BATCHIN_ENGINE": "none",
            "BATCHIN_X402": "false",
            "BATCHIN_STRIPE": json.dumps(card),
            "BATCHIN_ALIPAY": json.dumps(app),
        }
        with running(tmp_path_factory.mktemp("till") / "data", **env) as server:
            yield server
        api.shutdown()


@pytest.fixture
def http(till: LiveServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {till.api_key}"}
    with httpx.Client(base_url=till.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def balance(http: httpx.Client) -> int:
    return int(http.get("/v1/users/me").raise_for_status().json()["credit_balance_cents"])


def tell(till: LiveServer, kind: str, secret: str = SECRET, **told: Any) -> httpx.Response:
    body = json.dumps({"id": "evt", "object": "event", "type": kind, "data": {"object": told}})
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    return httpx.post(
        f"{till.url}/v1/topup/stripe/webhook",
        content=body,
        headers={"stripe-signature": signature},
        trust_env=False,
    )


def completed(session_id: str, order: str, cents: int) -> dict[str, Any]:
    return {
        "id": session_id,
        "mode": "payment",
        "payment_status": "paid",
        "client_reference_id": order,
        "payment_intent": f"pi_{order}",
        "currency": "usd",
        "amount_total": cents,
    }


def test_a_card_payment_is_credited_once_and_listed(till: LiveServer, http: httpx.Client) -> None:
    before = balance(http)
    made = http.post("/v1/topup/stripe/checkout", json={"amount_cents": 5_000}).raise_for_status().json()
    assert made["checkout_url"] == "https://pay.example/x"
    assert balance(http) == before
    assert made["session_id"] not in http.get("/v1/topup/history").text
    asked = StripeStandIn.asked[-1]
    assert asked["line_items[0][price_data][unit_amount]"] == ["5000"]
    order = asked["client_reference_id"][0]
    told = completed(made["session_id"], order, 5_000)
    changed = [tell(till, "checkout.session.completed", **told).json()["changed"] for _ in range(3)]
    assert changed == [True, False, False]
    assert balance(http) == before + 5_000
    listed = http.get("/v1/topup/history").raise_for_status().json()[0]
    assert listed["reference_id"] == made["session_id"]
    assert (listed["amount_cents"], listed["source"], listed["status"]) == (5_000, "stripe", "paid")
    refunded: dict[str, Any] = {"id": "ch_1", "payment_intent": f"pi_{order}", "amount_refunded": 2_000}
    assert tell(till, "charge.refunded", **refunded).json()["changed"]
    assert balance(http) == before + 3_000


def test_what_stripe_did_not_sign_credits_nothing(till: LiveServer, http: httpx.Client) -> None:
    before = balance(http)
    made = http.post("/v1/topup/stripe/checkout", json={"amount_cents": 5_000}).raise_for_status().json()
    order = StripeStandIn.asked[-1]["client_reference_id"][0]
    told = completed(made["session_id"], order, 5_000)
    forged = tell(till, "checkout.session.completed", "whsec_guess", **told)
    assert (forged.status_code, forged.json()["error"]["param"]) == (400, "Stripe-Signature")
    other = tell(till, "checkout.session.completed", **{**told, "amount_total": 500_000})
    assert other.status_code == 404
    assert balance(http) == before


def test_a_failing_stripe_is_told_and_leaves_no_trace(till: LiveServer, http: httpx.Client) -> None:
    refused = http.post("/v1/topup/stripe/checkout", json={"amount_cents": 66_600})
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "service_unavailable"
    assert STRIPE_KEY not in refused.text
    log = Watched(till).log.read_text()
    assert STRIPE_KEY not in log
    assert SECRET not in log


def test_an_alipay_page_and_its_notification(till: LiveServer, http: httpx.Client) -> None:
    before = balance(http)
    asked = {"amount_cents": 5_000, "currency": "cny", "locale": "zh-CN"}
    made = http.post("/v1/topup/alipay/checkout", json=asked).raise_for_status().json()
    assert made["object"] == "topup.alipay.checkout"
    assert made["checkout_url"].startswith("https://openapi.alipay.com/gateway.do?")
    assert made["credit_usd"] == "7.00"
    page = dict(parse_qsl(urlsplit(made["checkout_url"]).query))
    order = json.loads(page["biz_content"])["out_trade_no"]
    notice = noticed(out_trade_no=order, total_amount="50.00")

    def told(form: dict[str, str]) -> httpx.Response:
        return httpx.post(
            f"{till.url}/v1/topup/alipay/notify",
            content=urlencode(form),
            headers={"content-type": "application/x-www-form-urlencoded"},
            trust_env=False,
        )

    assert told({**notice, "total_amount": "0.01"}).status_code == 400
    for _ in range(3):
        answer = told(notice)
        assert (answer.status_code, answer.text) == (200, "success")
    assert balance(http) == before + 700
    assert http.get("/v1/topup/history").json()[0]["reference_id"] == made["session_id"]


@pytest.mark.parametrize("path", ["/v1/topup/stripe/checkout", "/v1/topup/alipay/checkout"])
@pytest.mark.parametrize("cents", [0, -1, 99, 10**12, "5000", 1.5, None])
def test_amounts_that_are_none_are_refused(http: httpx.Client, path: str, cents: object) -> None:
    refused = http.post(path, json={"amount_cents": cents})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "amount_cents"


def test_where_nothing_is_set_up_it_is_said(live_server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {live_server.api_key}"}
    for path in ("/v1/topup/stripe/checkout", "/v1/topup/alipay/checkout"):
        answer = httpx.post(
            live_server.url + path, json={"amount_cents": 100}, headers=headers, trust_env=False
        )
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "rail_not_configured"
    assert (
        httpx.post(
            f"{live_server.url}/v1/topup/stripe/webhook", content=b"{}", trust_env=False
        ).status_code
        == 503
    )
