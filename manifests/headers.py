"""The documented headers: what each tells, and which answers carry it."""

CALL = ("X-Request-Id", "traceparent", "X-BatchIn-Run-Id", "X-BatchIn-Prompt-Version")
RECORD = (
    "X-BatchIn-Served-Model",
    "X-VaaS-Record-Id",
    "X-VaaS-Signature",
    "X-VaaS-PublicKey",
    "X-VaaS-Salt",
)
SETTLEMENT = ("PAYMENT-RESPONSE", "X-BatchIn-Access-Token")
CHALLENGE = ("PAYMENT-REQUIRED",)

HEADERS = {
    "X-Request-Id": "Id of this HTTP request, for support.",
    "traceparent": "W3C trace context of the call; send your own to join your trace.",
    "X-BatchIn-Run-Id": "Id of this execution: usage, charge, evidence and receipt share it.",
    "X-BatchIn-Prompt-Version": "Prompt version bound to the run; default if none was named.",
    "X-BatchIn-Served-Model": "The model that truly answered; model repeats the id that was asked for.",
    "X-VaaS-Record-Id": "Id of the evidence record; GET /v1/vaas/{id}/bundle returns the proof.",
    "X-VaaS-Signature": "Ed25519 signature of the evidence. A stream carries it in its last chunk.",
    "X-VaaS-PublicKey": "The key that signs evidence and receipts.",
    "X-VaaS-Salt": "Salt of the evidence's hashes, where the key asks for salted ones. Keep it secret.",
    "PAYMENT-REQUIRED": "Base64 of the x402 version 2 challenge (PaymentRequired).",
    "PAYMENT-RESPONSE": "Base64 of the x402 SettleResponse; X-PAYMENT-RESPONSE repeats it.",
    "X-BatchIn-Access-Token": "Bearer token that opens what this x402 payment bought, and nothing else.",
    "Retry-After": "Seconds to wait before trying again.",
    "x-should-retry": "false when the same request can't succeed later.",
    "WWW-Authenticate": "How to authenticate (RFC 6750).",
    "X-BatchIn-Next": "Where the next page begins; absent on the last.",
    "ETag": "Validator of the document; send it as If-None-Match.",
}
