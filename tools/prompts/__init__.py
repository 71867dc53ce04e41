"""Prompts of callers: versions, the calls that use them, regressions and experiments."""
