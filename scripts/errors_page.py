"""docs/errors.md, from the tree of errors that callers may see."""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence

from base.errors import BatchinError, MethodNotAllowed
from manifests.errors import WHEN, all_errors
from manifests.markdown import table
from manifests.operation import Operation

PACKAGES = ("base", "storage", "runtime", "settlement", "tools", "server")

_HEAD = """\
# Errors

Rendered from the error classes by `scripts/render.py`; do not edit.

Every error has one shape, on every door:

```json
{
  "error": {
    "code": "invalid_request",
    "message": "messages is required.",
    "type": "invalid_request_error",
    "param": "messages",
    "resolution": "Add messages to the request."
  }
}
```

Over HTTP it is the body, with the status below; over MCP it is `structuredContent` of a result with
`isError: true`. `x-should-retry: false` says that the same request can't succeed later; `Retry-After`
says how long to wait. A call that failed is not charged; a stream that was cut (by its reader, its
deadline or its engine) is charged for what it delivered. Messages never hold a secret or a caller's
text.

An x402 version 1 client (header `X-PAYMENT`, or `?x402=1`) finds the challenge in the body of a 402, and
every other client finds it in the header `PAYMENT-REQUIRED`: see [payments](payments.md).
"""


def errors_page(operations: Sequence[Operation]) -> str:
    """The whole page. Raises KeyError for a code without a sentence in manifests/errors.py."""
    rows: dict[tuple[int, str], list[type[BatchinError]]] = {}
    for error in public_errors():
        rows.setdefault((error.status, error.code), []).append(error)
    body = table(
        ("code", "HTTP", "type", "when", "what to do", "may be retried"),
        (
            (f"`{code}`", str(status), _types(errors), WHEN[code], _ways(errors), _retry(errors))
            for (status, code), errors in sorted(rows.items())
        ),
    )
    return f"{_HEAD}\n{body}\n\n{_reserved(operations)}\n"


def public_errors() -> list[type[BatchinError]]:
    """Every error class of the program, in a fixed order, each module of ours loaded first."""
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not module.name.rpartition(".")[2].startswith("__") and "migrations" not in module.name:
                importlib.import_module(module.name)
    found = {error for error in _tree(BatchinError) if error.__module__.partition(".")[0] in PACKAGES}
    return sorted(found, key=_place)


def _place(error: type[BatchinError]) -> tuple[int, str, bool, str, str]:
    """By status and code; the general error of a code comes before the special ones."""
    special = error.__module__ != BatchinError.__module__
    return error.status, error.code, special, error.__module__, error.__name__


def _reserved(operations: Sequence[Operation]) -> str:
    """The codes that no operation answers with: a wrong method is no operation, the rest is to come."""
    answered = {error.code for error in all_errors(operations)} | {MethodNotAllowed.code}
    codes = dict.fromkeys(error.code for error in public_errors() if error.code not in answered)
    names = ", ".join(f"`{code}`" for code in codes)
    return f"Reserved, and not answered by this version: {names}."


def _tree(root: type[BatchinError]) -> Iterator[type[BatchinError]]:
    for error in root.__subclasses__():
        yield error
        yield from _tree(error)


def _types(errors: list[type[BatchinError]]) -> str:
    return ", ".join(dict.fromkeys(f"`{error.type}`" for error in errors))


def _ways(errors: list[type[BatchinError]]) -> str:
    return "<br>".join(dict.fromkeys(str(error.resolution) for error in errors))


def _retry(errors: list[type[BatchinError]]) -> str:
    answers = {error.retryable for error in errors}
    return "sometimes" if len(answers) == 2 else "yes" if True in answers else "no"
