"""Files of callers: kept sealed in an object storage, found by their rows."""
