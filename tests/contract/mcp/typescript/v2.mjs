// The TypeScript SDK of version 2, pinned to the revision without sessions.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

export const connect = (url, headers) =>
  joined(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

export const start = (program) => joined(new StdioClientTransport(program));

async function joined(transport) {
  const versionNegotiation = { mode: { pin: "2026-07-28" } };
  const client = new Client({ name: "peer", version: "1" }, { versionNegotiation });
  await client.connect(transport);
  return {
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, options),
    close: () => client.close(),
  };
}
