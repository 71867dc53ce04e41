"""Limits of calls: by key, workspace, lane and region."""
