"""/agents.md: for a model that has never seen this server, everything it needs to use it alone."""

from collections.abc import Mapping, Sequence

from base.settings import Settings
from manifests.document import Document, text_document
from manifests.examples import CURL, HTTP_X402, MCP_X402, OPENAI, VERIFY, shown
from manifests.facts import Facts
from manifests.identity import SUMMARY, TASKS_EXTENSION, TITLE, WIRE_VERSIONS
from manifests.limits import limits
from manifests.markdown import error_table, fenced, model_table, tool_table
from manifests.operation import Operation
from manifests.paths import MARKDOWN
from manifests.prices import atomic_usd
from manifests.pricing import ROUNDING
from tools.core import Registry


def agents(
    registry: Registry, facts: Facts, settings: Settings, operations: Sequence[Operation]
) -> Document:
    """The document."""
    sections = [
        _opening(facts),
        f"## Tools\n\n{tool_table(registry)}\n\n{_doors(registry, operations)}",
        _models(facts),
        _mcp(facts, settings),
        _x402(facts, settings) if facts.payment else "",
        _openai(facts),
        _verify(facts),
        f"## Errors\n\n{_ERRORS}\n\n{error_table(operations)}",
        f"## Limits\n\n{limits(settings)}",
        _documents(facts),
    ]
    text = "\n\n".join(section for section in sections if section)
    return text_document(text + "\n", MARKDOWN)


def preface(facts: Facts, path: str) -> str:
    """For a copy that no server rendered: whose figures these are."""
    if facts.key is not None:
        return ""
    return (
        "\n\n> This copy is rendered from the default settings (embedded models, development chain). A "
        f"running server serves its own at `{path}`, with its own address, models, prices and terms."
    )


def _opening(facts: Facts) -> str:
    key = f"- Verification key: `{facts.key.verify_key_hex}`\n" if facts.key else ""
    paying = "an x402 payment or " if facts.payment else ""
    return (
        f"# {TITLE}: how agents use this server\n\n{SUMMARY}{preface(facts, '/agents.md')}\n\n"
        f"- MCP (streamable HTTP): {facts.mcp_url}\n"
        f"- OpenAI-compatible HTTP: {facts.base_url}/v1\n"
        f"{key}"
        f"- Paid calls need {paying}an API key. Everything else is free and open, proof included.\n"
        "- Every paid call leaves signed evidence and a receipt that anyone can check offline.\n"
        "- The same capability is one tool behind every door: same arguments, same price, same record."
    )


_TOOLS = (
    "Over MCP the tools have these names; `tools/list` has their schemas, prices and whether they are "
    "available now (`_meta.available`). Over HTTP "
)
_ALSO: Mapping[str, Sequence[str]] = {
    "verify": ("POST /v1/audit/verify-bundle", "GET /v1/vaas/{id}/verify"),
    "receipt": ("GET /v1/vaas/{id}/bundle",),
    "account": ("GET /v1/users/me",),
    "usage": ("GET /v1/usage/summary", "GET /v1/usage/logs"),
}
"""Routes whose answer is a tool's in another form."""


def _doors(registry: Registry, operations: Sequence[Operation]) -> str:
    """Which route is which tool."""
    served = {f"{operation.method} {operation.path}": operation for operation in operations}
    told, alone = [], []
    for tool in registry:
        routes = [route for route, operation in served.items() if operation.tool == tool.name]
        routes += [route for route in _ALSO.get(tool.name, ()) if route in served]
        if routes:
            told.append(f"`{tool.name}` is " + " or ".join(f"`{route}`" for route in routes))
        else:
            alone.append(f"`{tool.name}`")
    apart = f" By MCP alone: {', '.join(alone)}." if alone else ""
    return f"{_TOOLS}{', '.join(told)}.{apart}"


def _models(facts: Facts) -> str:
    parts = ("## Models and prices", "USD per million tokens.", model_table(facts), ROUNDING, _MODELS)
    return "\n\n".join(parts)


_MODELS = (
    "Ask `models` for what is available now, and `quote` for the most that a call can cost. An answer "
    "repeats the id that you asked for; `X-BatchIn-Served-Model` (over MCP `batchin/served_model`) and "
    "the evidence name the model that truly answered."
)

_ERRORS = (
    'An error is `{"error": {code, message, type, param, resolution}}` with the HTTP status of the '
    "table; over MCP it is `structuredContent` of a result with `isError: true`. Do what `resolution` "
    "says. When the answer carries `x-should-retry: false`, the same request can't succeed later: "
    "change it or stop. `Retry-After` (over MCP `batchin/retry_after_s`) tells how long to wait. What "
    "failed is not charged; a stream that you cut is charged for what it delivered."
)


def _mcp(facts: Facts, settings: Settings) -> str:
    return f"""\
## Connect by MCP

Endpoint `{facts.mcp_url}`, transport streamable HTTP, protocol versions {", ".join(WIRE_VERSIONS)}. No
session is needed. `Authorization: Bearer <API_KEY>` is optional; a key that is sent and not valid is
answered with 401.

A `traceparent` (and `tracestate`) in `_meta` of a request joins the call to your trace; that of the
result names the call's span. A paid result carries, in `_meta`: `batchin/run_id`,
`batchin/served_model`, `batchin/charge` (what was charged and what is left as credit),
`batchin/evidence`, `batchin/receipt`, `batchin/salt` for a key of salted hashes, and after an x402
payment `x402/payment-response` and `batchin/access_token`.

Send a `progressToken` with a call of `chat` that is paid by key, by credit or upfront, and
`notifications/progress` carry the text as it grows; the final `structuredContent` is what counts.
Cancelling the request, or closing the connection, stops the engine.

A client that advertises `{TASKS_EXTENSION}` and sends no `progressToken` gets a task for a call that
takes more than {settings.task_after_s:g} seconds: `resultType: "task"` with a `taskId`. Ask `tasks/get`
every `pollIntervalMs` until `status` is `completed`, then read `result`. `tasks/cancel` stops it while
it works, and nothing is charged. A task outlives its request and a restart of the server, belongs to
its caller alone, and is charged once.

Resources: `batchin://docs/agents` (this text), `batchin://docs/pricing`, `batchin://openapi`,
`batchin://catalog/models`, `batchin://receipts/{{id}}`; with your key `batchin://batches/{{id}}` and
`batchin://files/{{id}}`, what a batch put out."""


def _upto_note(schemes: Sequence[str]) -> str:
    if "upto" not in schemes:
        return ""
    return """ `exact` moves the amount and leaves the rest as credit;
   `upto` moves only what the call used, and asks for Permit2: let the client sign the extension
   `eip2612GasSponsoring` too, unless the wallet has approved Permit2 before."""


def _x402(facts: Facts, settings: Settings) -> str:
    payment = facts.payment
    assert payment is not None
    days = settings.access_token_ttl_s // 86_400
    return f"""\
## Pay per call with x402

No account: a wallet with USDC on {" or ".join(f"`{name}`" for name in payment.networks)} is enough, and
the payer pays no gas.
{_network_note(payment.network)}

1. **Challenge.** Call without a payment. Over MCP the result has `isError: true` and `structuredContent`
   with `x402Version`, `resource` and `accepts`. Over HTTP the status is 402 and the header
   `PAYMENT-REQUIRED` is base64 of the same JSON. Nothing ran, nothing was charged. `amount` is the most
   that this very call can cost, in atomic units (1,000,000 = 1 USDC), at least
   {payment.min_charge_atomic} ({atomic_usd(payment.min_charge_atomic)} USDC).
2. **Sign.** Let an x402 client sign one entry of `accepts`, which come cheapest first
   (scheme {" or ".join(payment.schemes)}).{_upto_note(payment.schemes)}
3. **Call again**, with the same arguments and the payment: `_meta["x402/payment"]` over MCP,
   `PAYMENT-SIGNATURE: <base64>` over HTTP (`X-PAYMENT` for version 1 clients). The answer leaves when
   the payment is settled; give it a minute before you give up.
4. **Own what you bought.** The answer brings an access token (`_meta["batchin/access_token"]`, header
   `X-BatchIn-Access-Token`). As `Authorization: Bearer` it opens what this payment bought (the stored
   response, video or batch) for {days} days, and nothing else: elsewhere it is as if you sent none.
5. **Spend the rest.** What the call did not use stays as your wallet's credit. Sign in with the wallet:
   `GET /v1/sign-in`, sign the challenge (`sign-in-with-x`) as an EIP-4361 message, `POST /v1/sign-in`
   with it as the header `SIGN-IN-WITH-X`. The `access_token` of that answer is your wallet's Bearer on
   any door for {days} days: it spends the credit and opens the files, batches, stored responses, tasks
   and usage of your wallet. Keep it like a key; with `{{"key_name": "..."}}` you get an API key too. No
   other wallet sees what is yours: to it there is nothing there.
6. **Or buy a balance**, when many calls are to come: `credits` (`POST /v1/credits`) with
   `{{"amount_cents": 500}}` and one payment of just that. The answer holds an API key of your wallet,
   shown once; the same payment again gets the same answer, a second purchase fills the same balance.

A payment buys one request: it is bound to the tool and to the body. Sent again with the same body
within {settings.result_ttl_s} seconds it returns the stored answer and costs nothing; sent with another
body it is refused with `payment_reused`. After a time-out send the same request with the **same**
payment; do not sign a new one before you know what became of the first. A payment that fails is never
charged. A stream is paid before it runs (`extra.paymentFlow` is `upfront`); if its run comes to nothing,
all of it is your credit. Over MCP `accepts` offers both: pay the `upfront` entry to see the text grow.

### Worked example: MCP and x402

{fenced("python", shown(MCP_X402, facts))}

### Worked example: HTTP and x402

{fenced("python", shown(HTTP_X402, facts))}"""


def _network_note(network: str) -> str:
    if network == "eip155:31337":
        return (
            "`eip155:31337` is a development chain inside the server: its USDC is worth nothing, and "
            "clients ask for leave to spend it because they do not know it (see the examples)."
        )
    return ""


def _openai(facts: Facts) -> str:
    return f"""\
## Use an API key with the OpenAI SDK

Keys look like `batchin_api_...`; the operator makes them with `batchin keys create`. The token
of a wallet that signed in works in the same place. Fields that would change the answer and can't be
honoured are refused by name, never ignored.

{fenced("python", shown(OPENAI, facts))}

{fenced("sh", shown(CURL, facts))}

A stream ends with a chunk that carries `finish_reason` and `vaas` (record id, signature, key): it leaves
when the charge is durable. An error after the stream began is one event with the error body."""


def _verify(facts: Facts) -> str:
    return f"""\
## Verify

`GET /v1/vaas/{{id}}/bundle` returns receipt, evidence and inclusion proof of a run, record or audit id;
it needs no key and holds hashes, never texts. Give the bundle to the `verify` tool, to
`POST /v1/audit/verify-bundle`, to `batchin verify bundle.json --keys keys.json`, or check it yourself.
Keep the answer of `GET /v1/vaas/pubkey/current` (`keys.json`): a bundle that brings its own key proves
nothing by itself. `inclusion` is null for about a second, until the record has its place in the log. A
receipt is the seller's signed statement of what was charged for which request and answer.

{fenced("python", shown(VERIFY, facts))}"""


def _documents(facts: Facts) -> str:
    x402 = "- x402 resources and terms: /.well-known/x402\n" if facts.payment else ""
    return (
        "## Documents\n\n"
        "- Every route, schema and status: /openapi.json\n"
        "- Prices: /v1/pricing\n"
        f"{x402}"
        "- MCP server card: /v1/mcp/server-card\n"
        "- Keys that signed evidence here, as did:web: /.well-known/did.json\n"
        "- Registration file of ERC-8004: /.well-known/agent-registration.json\n"
        "- Short version of this page: /llms.txt; with every schema: /llms-full.txt"
    )
