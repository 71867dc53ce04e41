// The official openai SDK for TypeScript: chat, responses, completions and embeddings, whole and streamed.
import OpenAI from "openai";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const model = "qwen3-32b";
const messages = [{ role: "user", content: "Name a fruit." }];
const told = {};

const chat = await client.chat.completions.create({ model, messages, max_tokens: 8, temperature: 0 });
told.chat = chat.choices[0].message.content;
told.chatStream = "";
const chunks = await client.chat.completions.create({
  model, messages, max_tokens: 8, temperature: 0, stream: true,
});
for await (const chunk of chunks) told.chatStream += chunk.choices[0].delta.content ?? "";

const text = await client.completions.create({ model, prompt: "One two", max_tokens: 4, temperature: 0 });
told.completion = text.choices[0].text;

const asked = { model, input: "What is 1+1?", max_output_tokens: 256, temperature: 0 };
const response = await client.responses.create(asked);
told.response = response.output_text;
const stream = client.responses.stream(asked);
told.events = [];
for await (const event of stream) told.events.push(event.type);
told.responseStream = (await stream.finalResponse()).output_text;
told.retrieved = (await client.responses.retrieve(response.id)).output_text;
told.items = (await client.responses.inputItems.list(response.id)).data.length;
await client.responses.delete(response.id);
told.gone = await client.responses.retrieve(response.id).then(() => 200, (error) => error.status);

const vectors = await client.embeddings.create({ model: "bge-m3", input: ["a", "b"] });
told.dimensions = vectors.data.map((each) => each.embedding.length);
console.log(JSON.stringify(told));
