// The official openai SDK for TypeScript: unwraps a webhook, and refuses one that was altered.
import OpenAI from "openai";

const [body, headers, secret] = process.argv.slice(2);
const client = new OpenAI({ apiKey: "none", webhookSecret: secret });
const event = await client.webhooks.unwrap(body, JSON.parse(headers));
await client.webhooks.verifySignature(body, JSON.parse(headers));
const refused = await client.webhooks
  .unwrap(body.replace("completed", "cancelled"), JSON.parse(headers))
  .then(() => "taken", (error) => error.constructor.name);
console.log(JSON.stringify({ type: event.type, batch: event.data.id, id: event.id, refused }));
