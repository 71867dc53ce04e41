// The TypeScript SDK of version 1, which speaks the handshake era.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

export const connect = (url, headers) =>
  joined(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

export const start = (program) => joined(new StdioClientTransport(program));

async function joined(transport) {
  const client = new Client({ name: "peer", version: "1" });
  await client.connect(transport);
  return {
    list: () => client.listTools(),
    call: (params, options) => client.callTool(params, undefined, options),
    close: () => client.close(),
  };
}
