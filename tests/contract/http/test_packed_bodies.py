"""A packed body is refused by every POST that does not take it, with a key of the request too."""

import gzip
import re
import uuid
from typing import Any

import httpx
import pytest

from tests.live import LiveServer

FORM = "multipart/form-data"
TAKE_GZIP = ("/v1/otlp/traces", "/v1/otlp/v1/traces")
# they are refused for other reasons before a body is looked at: rails that are off, no signature
UNREAD = ("/v1/topup/stripe/webhook", "/v1/topup/alipay/notify", "/v1/sign-in")


def posts(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Each path that takes a body, with each of its media types."""
    return [
        (path, kind)
        for path, operations in document["paths"].items()
        for kind in operations.get("post", {}).get("requestBody", {}).get("content", ())
    ]


def packed(kind: str) -> tuple[str, bytes]:
    """A form's type names its boundary."""
    if kind != FORM:
        return kind, gzip.compress(b'{"model": "qwen3-32b", "input": "x"}')
    part = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'
    return f"{FORM}; boundary=b", gzip.compress(part)


@pytest.mark.parametrize(("coding", "named"), [("gzip", False), ("gzip", True), ("br", False)])
def test_what_is_not_taken_is_told(live_server: LiveServer, coding: str, named: bool) -> None:
    document = httpx.get(live_server.url + "/openapi.json", timeout=60).json()
    found = [(path, kind) for path, kind in posts(document) if path not in UNREAD]
    assert len(found) > 30
    assert {path for path, kind in found if kind == FORM} >= {"/v1/files", "/v1/audio/transcriptions"}
    key = {"Authorization": f"Bearer {live_server.api_key}"}
    with httpx.Client(base_url=live_server.url, headers=key, timeout=60) as http:
        for path, kind in found:
            media, body = packed(kind)
            headers = {"Content-Type": media, "Content-Encoding": coding}
            if named:
                headers["Idempotency-Key"] = str(uuid.uuid4())
            answer = http.post(re.sub(r"\{[^}]+\}", "none", path), content=body, headers=headers)
            if path in TAKE_GZIP and coding == "gzip":
                assert answer.status_code == 200, (path, answer.text)
                continue
            assert answer.status_code == 415, (path, answer.text)
            assert answer.json()["error"]["code"] == "unsupported_media_type"
            taken = "gzip, identity" if path in TAKE_GZIP else "identity"
            assert answer.headers["accept-encoding"] == taken
