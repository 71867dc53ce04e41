"""Every discovery document, rendered from the settings and the tool registry."""
