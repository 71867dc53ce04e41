"""Requests that callers have us make to addresses of their choice: webhooks, pictures by URL."""
