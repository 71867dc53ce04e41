"""The doors: HTTP and MCP in, HTTP and MCP out."""
