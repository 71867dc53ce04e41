"""Calls that go on without their request: durable, bound to their caller, taken up after a crash."""
