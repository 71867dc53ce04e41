"""Batches: many calls handed in at once, each run, charged and recorded like any other call."""
