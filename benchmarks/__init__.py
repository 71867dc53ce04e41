"""Measurements of this checkout that anyone can repeat: ``make bench``."""
