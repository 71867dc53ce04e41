"""Reserved lanes: cards that one account has for itself, metered by the time that they stood ready."""
