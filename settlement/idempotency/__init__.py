"""Idempotency keys: a request that is sent again under its key is answered again, and charged once."""
