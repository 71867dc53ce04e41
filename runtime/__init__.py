"""Engines: what runs a model, where, and whether it is well."""
