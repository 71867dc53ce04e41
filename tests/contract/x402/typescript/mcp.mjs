// A wallet of the official client behind the MCP SDK:
// node mcp.mjs (upto|exact|exact-permit2) URL RPC_URL KEY pays one chat tool call and prints what it saw.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { wallet } from "./wallet.mjs";

const [scheme, url, rpcUrl, secret] = process.argv.slice(2);
const mcp = new Client({ name: "peer", version: "1" });
await mcp.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`)));
const messages = [{ role: "user", content: "Say hi." }];
const call = { name: "chat", arguments: { model: "qwen3-32b", messages, max_tokens: 3 } };
const asked = await mcp.callTool(call);
const payment = await wallet(scheme, rpcUrl, secret).createPaymentPayload(asked.structuredContent);
const paid = await mcp.callTool({ ...call, _meta: { "x402/payment": payment } });
console.log(
  JSON.stringify({
    status: paid.isError ? 402 : 200,
    said: paid.structuredContent,
    response: paid._meta["x402/payment-response"],
    run: paid._meta["batchin/evidence"]?.payload.run_id,
  }),
);
process.exit(0);
