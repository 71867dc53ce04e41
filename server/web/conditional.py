"""Conditional requests (RFC 9110 section 13)."""


def matches(condition: str | None, etag: str) -> bool:
    """The weak comparison that If-None-Match asks for: proxies that compress weaken validators."""
    if condition is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
