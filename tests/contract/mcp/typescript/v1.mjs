// The TypeScript SDK of version 1, which speaks the handshake era.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

export async function connect(url, headers) {
  const client = new Client({ name: "peer", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, undefined, options),
  };
}
