"""The public pages: documentation, status, compute and prices, rendered on the server."""
