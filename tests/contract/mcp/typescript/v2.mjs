// The TypeScript SDK of version 2, pinned to the revision without sessions.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

export async function connect(url, headers) {
  const versionNegotiation = { mode: { pin: "2026-07-28" } };
  const client = new Client({ name: "peer", version: "1" }, { versionNegotiation });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, options),
  };
}
