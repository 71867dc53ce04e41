"""The operations of the HTTP door: one list, from which OpenAPI and the documents are rendered."""

from collections.abc import Sequence
from dataclasses import replace

from base.errors import (
    Conflict,
    ContextLengthExceeded,
    EngineNotConfigured,
    Forbidden,
    IdempotencyMismatch,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    QuoteExceeded,
    QuoteExpired,
    QuoteInvalid,
    RateLimited,
    Unauthorized,
)
from manifests.account_operations import account_operations
from manifests.anchors import anchor_operations
from manifests.batches import batch_operations, webhook_operations
from manifests.chunk import ChatChunk, CompletionChunk
from manifests.files import file_operations
from manifests.headers import CALL, RECORD, SETTLEMENT
from manifests.log import log_operations
from manifests.operation import JSON, SSE, TEXT, Auth, ErrorType, Operation, Param, Reply
from manifests.otlp import otlp_operations
from manifests.paths import DOCUMENTS
from manifests.payment import payment_operation
from manifests.pictures import pictures
from manifests.prompts import prompt_operations
from manifests.proof import (
    Attestation,
    AuditRecord,
    Bundle,
    BundleToVerify,
    EvidencePack,
    Health,
    KeyEntry,
    PublicKey,
    Receipt,
    Verification,
)
from manifests.reservations import reservation_operations
from manifests.responses import response_operations
from manifests.sign_in import sign_in_operations
from manifests.sound import sound
from manifests.status import status_operations
from manifests.topups import topup_operations
from manifests.videos import video_operations
from manifests.wire import Error
from tools.models import ModelEntry

_PROMPT = Param(
    "X-BatchIn-Prompt",
    "header",
    "Names the prompt version that evidence is bound to.",
    {"type": "string", "pattern": r"^[\w@.\-/]{1,128}$"},
)
_NAME = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
_LANE = {"type": "string", "pattern": "^(shared|batch|fill|private:[A-Za-z0-9._-]{1,64})$"}
_SCOPES = (
    Param("X-BatchIn-Workspace", "header", "Workspace of the call, within the key's.", _NAME),
    Param("X-BatchIn-Lane", "header", "Lane of the call: the key's, or one that goes later.", _LANE),
    Param("X-BatchIn-Region", "header", "Region that the call is bound to, within the key's.", _NAME),
)
_IDEMPOTENCY = Param(
    "Idempotency-Key",
    "header",
    "Names this request: sent again with the same body, it is answered again and charged once.",
    {"type": "string", "pattern": "^[ -~]{1,255}$"},
)
_ONCE = Param(
    "Idempotency-Key",
    "header",
    "Names this request: sent again with the same body, it is answered again and done once.",
    {"type": "string", "pattern": "^[ -~]{1,255}$"},
)
_QUOTE = Param(
    "X-BatchIn-Quote",
    "header",
    "The signed quote of POST /v1/quote: its prices hold, and it is the most charged.",
)
_TRACE = Param("traceparent", "header", "W3C trace context to join.")
_PAYMENT = Param(
    "PAYMENT-SIGNATURE", "header", "Base64 of the x402 PaymentPayload; X-PAYMENT for version 1."
)
_RECORD = Param("id", "path", "Run id, record id or audit id.", required=True)
_PROOFS: Sequence[tuple[str, str, str, type]] = (
    ("/{id}", "Record", "The public record of a call: hashes, never texts.", AuditRecord),
    ("/{id}/verify", "Verification", "Check a record's signature and linkage.", Verification),
    ("/verify/{id}", "VerificationById", "Check a record's signature and linkage.", Verification),
    ("/{id}/evidence", "Evidence", "The signed evidence pack of a call.", EvidencePack),
    ("/{id}/receipt", "Receipt", "The signed receipt of a call.", Receipt),
    ("/{id}/bundle", "Bundle", "Receipt, evidence and inclusion proof, for offline verifiers.", Bundle),
)


def operations(
    payment_errors: Sequence[ErrorType], mcp_errors: Sequence[ErrorType] = ()
) -> tuple[Operation, ...]:
    """All operations. ``payment_errors`` are what the x402 rail raises, none where it is off;
    ``mcp_errors`` what the MCP door answers before it looks at a message."""
    found = (
        *_paid(payment_errors),
        *_catalog(),
        *account_operations(),
        *prompt_operations(),
        *otlp_operations(),
        *topup_operations(),
        *reservation_operations(),
        *_credits(payment_errors),
        *(sign_in_operations() if payment_errors else ()),
        payment_operation(),
        *file_operations(),
        *batch_operations((_PAYMENT, _IDEMPOTENCY, *_SCOPES, _TRACE), payment_errors),
        *webhook_operations(),
        *video_operations((_PAYMENT, _IDEMPOTENCY, *_SCOPES, _TRACE), payment_errors),
        *_proof("vaas", "get"),
        *_proof("audit", "getAudit"),
        _verify_bundle(),
        *log_operations(),
        *anchor_operations(),
        *_health(),
        *status_operations(),
        _mcp(mcp_errors),
        *_documents(),
    )
    return tuple(_named(_rationed(operation)) for operation in found)


def _named(operation: Operation) -> Operation:
    """Free requests that change something may name themselves too."""
    if operation.method != "POST" or operation.auth is not Auth.KEY:
        return operation
    errors = (Conflict, IdempotencyMismatch, RateLimited)
    return replace(operation, params=(*operation.params, _ONCE), errors=(*operation.errors, *errors))


def _rationed(operation: Operation) -> Operation:
    """The free routes of proof are rationed by address."""
    if operation.tag != "proof" or operation.auth is not Auth.PUBLIC:
        return operation
    return replace(operation, errors=(*operation.errors, RateLimited))


def _paid(payment_errors: Sequence[ErrorType]) -> tuple[Operation, ...]:
    params = (_PAYMENT, _IDEMPOTENCY, _QUOTE, _PROMPT, *_SCOPES, _TRACE)
    errors: tuple[ErrorType, ...] = (
        ContextLengthExceeded,
        QuoteInvalid,
        QuoteExpired,
        QuoteExceeded,
        *payment_errors,
    )
    return (
        Operation(
            "POST",
            "/v1/chat/completions",
            "createChatCompletion",
            "Answer a conversation",
            Auth.PAID,
            "chat",
            "OpenAI's chat completion, whole or as a stream. Fields that would change the answer and "
            "can't be honoured are refused by name. The head of a stream has no signature: vaas rides "
            "on the chunk of the last finish_reason.",
            "openai",
            params,
            events=ChatChunk,
            errors=errors,
        ),
        *response_operations(params, errors),
        Operation(
            "POST",
            "/v1/completions",
            "createCompletion",
            "Go on with a text",
            Auth.PAID,
            "complete",
            "OpenAI's text completion, whole or as a stream: prompts in batches, echo, and suffix, "
            "filled in by the model itself (fim is native) or by asking it in words (prompted).",
            "openai",
            params,
            events=CompletionChunk,
            errors=errors,
        ),
        Operation(
            "POST",
            "/v1/embeddings",
            "createEmbeddings",
            "Turn texts into vectors",
            Auth.PAID,
            "embed",
            "OpenAI's embeddings.",
            "openai",
            params,
            errors=errors,
        ),
        *sound(params, errors),
        Operation(
            "POST",
            "/v1/rerank",
            "createRerank",
            "Put documents in order of relevance",
            Auth.PAID,
            "rerank",
            "The request and the answer of Cohere's, Jina's and SGLang's rerank.",
            "openai",
            params,
            errors=errors,
        ),
        Operation(
            "POST",
            "/v1/classify",
            "createClassification",
            "Tell the class of each text",
            Auth.PAID,
            "classify",
            "The request and the answer of SGLang's and vLLM's classify.",
            "openai",
            params,
            errors=errors,
        ),
        Operation(
            "POST",
            "/v1/moderations",
            "createModeration",
            "Tell harmful texts",
            Auth.PAID,
            "moderate",
            "OpenAI's Moderations API, by the model that the operator chose. Refused with 503 "
            "engine_not_configured, before any payment is asked for, while no model of this server "
            "moderates.",
            "openai",
            params,
            errors=errors,
        ),
        *pictures(params, payment_errors),
        Operation(
            "POST",
            "/v1/vaas",
            "createAttestation",
            "Attest outside texts",
            Auth.PAID,
            "attest",
            "Sign evidence about texts that were made elsewhere: hashes, risk score, decision. The "
            "texts are never stored.",
            "proof",
            params,
            replies={
                200: Reply("The record, signed.", {JSON: Attestation}, (*CALL, *RECORD, *SETTLEMENT))
            },
            errors=(NotFound, *payment_errors),
        ),
    )


def _credits(payment_errors: Sequence[ErrorType]) -> tuple[Operation, ...]:
    """Sold by x402 alone."""
    if not payment_errors:
        return ()
    return (
        Operation(
            "POST",
            "/v1/credits",
            "buyCredits",
            "Buy a balance and an API key",
            Auth.PAID,
            "credits",
            "One x402 payment buys a balance; the answer holds an API key that spends it, shown once. "
            "The same payment sent again gets the same answer. With an API key, its account is topped "
            "up and no key is made.",
            "payments",
            (_PAYMENT, _IDEMPOTENCY, _TRACE),
            errors=payment_errors,
        ),
    )


def _catalog() -> tuple[Operation, ...]:
    model = Param("id", "path", "Model id; it may hold slashes.", required=True)
    return (
        Operation(
            "GET",
            "/v1/models",
            "listModels",
            "List the models",
            tool="models",
            description="Id, price, context length, licence and availability of every model.",
            tag="openai",
            errors=(InvalidRequest,),
        ),
        Operation(
            "GET",
            "/v1/models/{id}",
            "getModel",
            "Get one model",
            tag="openai",
            params=(model,),
            replies={200: Reply("The model.", {JSON: ModelEntry}, CALL)},
            errors=(InvalidRequest, ModelNotFound),
        ),
        Operation(
            "POST",
            "/v1/quote",
            "createQuote",
            "Price a call before it is made",
            tool="quote",
            description="The most that a call of that many tokens can cost, on each payment rail.",
            tag="payments",
            errors=(ModelNotFound, EngineNotConfigured, Unauthorized),
        ),
    )


def _proof(root: str, verb: str) -> list[Operation]:
    """The routes of proof under ``/v1/vaas``, and again under ``/v1/audit``."""
    alias = "" if root == "vaas" else " The same as under /v1/vaas."
    found = [
        Operation(
            "GET",
            f"/v1/{root}{suffix}",
            verb + name,
            summary.partition(":")[0].rstrip("."),
            description=summary + alias,
            tag="proof",
            params=(_RECORD,),
            replies={200: Reply(summary, {JSON: body})},
            errors=(NotFound,),
        )
        for suffix, name, summary, body in _PROOFS
    ]
    key = Operation(
        "GET",
        f"/v1/{root}/pubkey/current",
        f"{verb}PublicKey",
        "The key that signs now",
        description=f"The current public key of evidence and receipts.{alias}",
        tag="proof",
        replies={200: Reply("The key.", {JSON: PublicKey})},
    )
    one = Operation(
        "GET",
        f"/v1/{root}/pubkey/{{key_id}}",
        f"{verb}KeyById",
        "One key, and when it was in use",
        description=f"A key of records, past or present, by the key_id that they name.{alias}",
        tag="proof",
        params=(Param("key_id", "path", "8 hex digits.", required=True),),
        replies={200: Reply("The key.", {JSON: KeyEntry})},
        errors=(NotFound,),
    )
    return [*found, key, one]


def _verify_bundle() -> Operation:
    return Operation(
        "POST",
        "/v1/audit/verify-bundle",
        "verifyBundle",
        "Check a bundle",
        description="Check a bundle's signatures, hashes, linkage and inclusion. Free.",
        tag="proof",
        request=BundleToVerify,
        replies={200: Reply("The verdict, check by check.", {JSON: Verification}, CALL)},
        errors=(Unauthorized,),
    )


def _health() -> tuple[Operation, ...]:
    report = {JSON: Health}
    down = {503: Reply("Not every engine serves; those that do not are named.", report)}
    return (
        Operation(
            "GET",
            "/health",
            "getHealth",
            "Is everything served?",
            replies={200: Reply("Every engine serves.", report), **down},
        ),
        Operation(
            "GET",
            "/livez",
            "getLiveness",
            "Does the process turn?",
            replies={200: Reply("It does.", report)},
        ),
        Operation(
            "GET",
            "/readyz",
            "getReadiness",
            "Are calls admitted?",
            replies={
                200: Reply("The store works, an engine is ready, nothing drains.", report),
                503: Reply("No calls are admitted.", report),
            },
        ),
        Operation(
            "GET",
            "/metrics",
            "getMetrics",
            "Prometheus metrics",
            replies={200: Reply("Text exposition format 0.0.4.", {TEXT: {"type": "string"}})},
        ),
    )


def _mcp(errors: Sequence[ErrorType]) -> Operation:
    message = {"type": "object", "properties": {"jsonrpc": {"const": "2.0"}}, "required": ["jsonrpc"]}
    return Operation(
        "POST",
        "/v1/mcp",
        "postMcpMessage",
        "MCP, streamable HTTP",
        description=(
            "JSON-RPC 2.0 messages of the Model Context Protocol. A Bearer key is optional: paid tools "
            "answer without one with an x402 challenge in the tool result. Connect with an MCP client."
        ),
        tag="mcp",
        request=message,
        replies={
            200: Reply("The response, or a stream that ends with it.", {JSON: message, SSE: message}),
            202: Reply("A notification was taken."),
            400: Reply(
                "The message can't be read: a JSON-RPC error.", {JSON: {"anyOf": [message, Error]}}
            ),
        },
        errors=(Unauthorized, Forbidden, *errors),
    )


def _documents() -> list[Operation]:
    return [
        Operation(
            "GET",
            path,
            document.operation_id,
            document.summary,
            tag="discovery",
            replies={200: Reply(document.summary, {document.media_type: document.schema}, ("ETag",))},
        )
        for path, document in DOCUMENTS.items()
    ]
