"""Incidents: when parts of the server did not serve, kept for everybody to read."""
