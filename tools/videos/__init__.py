"""Videos: each a job of one call, kept, funded and run as batches are."""
