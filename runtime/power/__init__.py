"""The power that hardware under engines draws, by its own counters."""
