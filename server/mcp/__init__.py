"""The MCP door: tools, resources and x402 payments over streamable HTTP, for clients of both eras."""
