"""Facilitators: who checks and carries out payers' authorizations on a chain."""
