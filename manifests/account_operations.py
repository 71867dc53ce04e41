"""The operations of accounts: profile, keys, usage."""

from collections.abc import Mapping
from typing import Any

from base.errors import Forbidden, InsufficientFunds, InvalidRequest, NotFound
from manifests.account import (
    CostBreakdownReport,
    KeyRequest,
    ListedKeys,
    MadeKey,
    MeterEvents,
    UsageBy,
    UsageLogs,
)
from manifests.headers import CALL
from manifests.operation import JSON, NUMBER, Auth, Body, ErrorType, Operation, Param, Reply
from manifests.proof import Salt
from manifests.traces import TraceFound
from tools.account import AccountOutput
from tools.trace import TraceOutput
from tools.usage import UsageTotals

_REQUEST_ID = ("X-Request-Id",)
_SECONDS: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10**10}
_SPAN = (
    Param("since", "query", "From this Unix time on, in seconds.", _SECONDS),
    Param("until", "query", "Before this Unix time, in seconds.", _SECONDS),
)
_PAGE = (
    Param(
        "limit", "query", "Most runs.", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    ),
    Param("offset", "query", "Runs to skip.", {**NUMBER, "default": 0}),
    Param("run_id", "query", "Only this run, by its run, record or audit id."),
)


def account_operations() -> tuple[Operation, ...]:
    """What the holder of a key may see and do of its account."""
    return (
        Operation(
            "GET",
            "/v1/users/me",
            "getUser",
            "The account of the key",
            Auth.KEY,
            description="Who one is and what may be spent; with a wallet's token its credit.",
            tag="account",
            replies={200: Reply("The account.", {JSON: AccountOutput}, CALL)},
        ),
        *_keys(),
        _usage("summary", "Sums of usage", UsageTotals, errors=(InsufficientFunds, InvalidRequest)),
        _usage("logs", "Usage, run by run", UsageLogs, *_PAGE),
        _usage("by-model", "Usage by model", UsageBy),
        _usage("by-tool", "Usage by tool", UsageBy),
        _usage("by-api-key", "Usage by API key", UsageBy),
        _usage("by-day", "Usage by UTC day", UsageBy),
        _usage("meter-events", "What runs were metered by", MeterEvents, *_PAGE),
        _usage("cost-breakdown", "Costs by each dimension", CostBreakdownReport),
        *_traces(),
        Operation(
            "GET",
            "/v1/vaas/{id}/salt",
            "getSalt",
            "The salt of a record",
            Auth.KEY,
            description=(
                "What the hashes of a call of the account are salted with, where its key asks for that. "
                "Who is shown it can check the texts; nobody else can guess them."
            ),
            tag="account",
            params=(Param("id", "path", "Run, record or audit id.", required=True),),
            replies={200: Reply("The salt, null where the hashes are plain.", {JSON: Salt})},
            errors=(Forbidden, NotFound),
        ),
    )


def _traces() -> tuple[Operation, ...]:
    limit: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    return (
        Operation(
            "GET",
            "/v1/traces",
            "listTraces",
            "List traces",
            Auth.KEY,
            description="The calls of the account, newest first, each with its trace and record.",
            tag="account",
            params=(Param("limit", "query", "Most runs.", limit),),
            replies={200: Reply("The runs.", {JSON: TraceOutput}, CALL)},
            errors=(InvalidRequest,),
        ),
        Operation(
            "GET",
            "/v1/traces/{trace_id}",
            "getTrace",
            "A trace",
            Auth.KEY,
            description="The run that it began with, its runs in order, its spans (docs/traces.md).",
            tag="account",
            params=(
                Param(
                    "trace_id",
                    "path",
                    "Trace id (32 hex digits), or the id of one of its runs or records.",
                    required=True,
                ),
            ),
            replies={200: Reply("The trace.", {JSON: TraceFound}, CALL)},
            errors=(InvalidRequest, NotFound),
        ),
    )


def _keys() -> tuple[Operation, ...]:
    key = Param("id", "path", "Id of the key.", required=True)
    return (
        Operation(
            "POST",
            "/v1/keys",
            "createKey",
            "Make an API key",
            Auth.KEY,
            description="The key itself is in this answer alone. Takes a key without limits of its own.",
            tag="account",
            request=KeyRequest,
            body_required=False,
            replies={200: Reply("The key.", {JSON: MadeKey}, _REQUEST_ID)},
            errors=(Forbidden,),
        ),
        Operation(
            "GET",
            "/v1/keys",
            "listKeys",
            "List the API keys",
            Auth.KEY,
            description="All keys of the account, ended ones too, without their secrets.",
            tag="account",
            replies={200: Reply("The keys.", {JSON: ListedKeys}, _REQUEST_ID)},
            errors=(Forbidden,),
        ),
        Operation(
            "DELETE",
            "/v1/keys/{id}",
            "deleteKey",
            "End an API key",
            Auth.KEY,
            description="At once and for ever. A key with limits can only end itself.",
            tag="account",
            params=(key,),
            replies={204: Reply("It is ended.", {}, _REQUEST_ID)},
            errors=(Forbidden, NotFound),
        ),
    )


def _usage(
    view: str,
    summary: str,
    body: Body,
    *params: Param,
    errors: tuple[ErrorType, ...] = (InvalidRequest,),
) -> Operation:
    name = "".join(part.title() for part in view.split("-"))
    return Operation(
        "GET",
        f"/v1/usage/{view}",
        f"getUsage{name}",
        summary,
        Auth.KEY,
        description="Of the account of the key, or of the wallet that signed in.",
        tag="account",
        params=(*params, *_SPAN),
        replies={200: Reply(f"{summary}.", {JSON: body}, CALL)},
        errors=errors,
    )
