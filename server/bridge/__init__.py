"""``batchin mcp --stdio``: a server's MCP door for clients that start programs and talk by pipes."""
