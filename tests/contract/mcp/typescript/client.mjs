// A TypeScript v1 client of the door: node client.mjs URL KEY prints what it saw as one JSON object.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, key] = process.argv.slice(2);

async function connect(bearer) {
  const headers = bearer ? { Authorization: `Bearer ${bearer}` } : {};
  const client = new Client({ name: "peer", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  await client.listTools(); // from here on it validates results, errors too, against output schemas
  return client;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error.code;
  }
}

const saw = {};
const guest = await connect();
saw.tools = (await guest.listTools()).tools.map((tool) => tool.name);
saw.challenge = await guest.callTool({ name: "talk", arguments: { words: ["a"] } });
saw.invalid = await guest.callTool({ name: "echo", arguments: { text: 5 } });
saw.unknown = await failure(guest.callTool({ name: "nothing", arguments: {} }));
saw.forbidden = await failure(connect("batchin_api_wrong"));

const member = await connect(key);
saw.text = "";
saw.answer = await member.callTool({ name: "talk", arguments: { words: ["a ", "b ", "c"] } }, undefined, {
  onprogress: ({ message }) => (saw.text += message ?? ""),
});
const stop = new AbortController();
setTimeout(() => stop.abort("enough"), 200);
saw.cancelled = await failure(
  member.callTool({ name: "talk", arguments: { words: ["a", "b"], hang: true } }, undefined, {
    signal: stop.signal,
  }),
);
console.log(JSON.stringify(saw));
process.exit(0);
