"""A server shaped like SGLang 0.5.23, with a switch for each way in which it was seen to fail.

For tests and benchmarks: ``async with serving() as fake``, or ``python -m tests.fake_sglang PORT``. The
contract suite holds its answers against those of the real server.
"""
