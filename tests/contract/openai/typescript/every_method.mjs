// The official openai SDK for TypeScript: its methods for all that is served, whole and streamed.
import OpenAI, { toFile } from "openai";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const model = "qwen3-32b";
const messages = [{ role: "user", content: "Name a fruit." }];
const chat = { model, messages, max_tokens: 4 };
const asked = { model, input: "Name a fruit.", max_output_tokens: 16 };
const schema = {
  type: "object", properties: { name: { enum: ["apple", "pear"] } }, required: ["name"], additionalProperties: false,
};
const fruit = { type: "json_schema", json_schema: { name: "fruit", schema, strict: true } };
const clock = {
  type: "function",
  function: {
    name: "get_time", function: () => "noon", parse: JSON.parse,
    parameters: { type: "object", properties: {}, additionalProperties: false },
  },
};
const line = (name, path, body) => JSON.stringify({ custom_id: name, url: path, body }) + "\n";
const embeds = line("a", "/v1/embeddings", { model: "bge-m3", input: "x" });
const completes = Array.from({ length: 20 }, (_, number) =>
  line(`${number}`, "/v1/completions", { model, prompt: "x", max_tokens: 16 })).join("");
const upload = async (text) =>
  client.files.create({ file: await toFile(Buffer.from(text), "t.jsonl"), purpose: "batch" });
const batch = async (text, endpoint) =>
  client.batches.create({ input_file_id: (await upload(text)).id, endpoint, completion_window: "24h" });
const all = async (stream) => {
  const found = [];
  for await (const event of stream) found.push(event);
  return found;
};
const sound = async () =>
  client.audio.speech.create({ model: "cosyvoice", input: "Hello.", voice: "alloy" });
const heard = async () => ({
  model: "whisper-large-v3-turbo",
  file: await toFile(Buffer.from(await (await sound()).arrayBuffer()), "s.mp3"),
});

const calls = {
  "audio.speech.create": async () => (await (await sound()).arrayBuffer()).byteLength,
  "audio.transcriptions.create": async () => (await client.audio.transcriptions.create(await heard())).text,
  "audio.transcriptions.create, streamed": async () =>
    (await all(await client.audio.transcriptions.create({ ...(await heard()), stream: true }))).at(-1).type,
  "batches.cancel": async () => (await client.batches.cancel((await batch(completes, "/v1/completions")).id)).status,
  "batches.create": async () => (await batch(embeds, "/v1/embeddings")).object,
  "batches.list": async () => (await client.batches.list({ limit: 1 })).data.length,
  "batches.retrieve": async () =>
    (await client.batches.retrieve((await batch(embeds, "/v1/embeddings")).id)).object,
  "chat.completions.create": async () => (await client.chat.completions.create(chat)).object,
  "chat.completions.create, streamed": async () =>
    (await all(await client.chat.completions.create({ ...chat, stream: true }))).length,
  "chat.completions.parse": async () =>
    (await client.chat.completions.parse({ ...chat, max_tokens: 64, response_format: fruit }))
      .choices[0].message.parsed,
  "chat.completions.runTools": async () =>
    (await client.chat.completions.runTools({ ...chat, max_tokens: 512, tools: [clock], tool_choice: "none" })
      .finalChatCompletion()).object,
  "chat.completions.stream": async () => (await client.chat.completions.stream(chat).finalChatCompletion()).object,
  "completions.create": async () =>
    (await client.completions.create({ model, prompt: "One, two,", max_tokens: 4 })).object,
  "completions.create, streamed": async () =>
    (await all(await client.completions.create({ model, prompt: "One,", max_tokens: 4, stream: true }))).length,
  "embeddings.create": async () =>
    (await client.embeddings.create({ model: "bge-m3", input: ["a", "b"] })).data.length,
  "files.content": async () => (await (await client.files.content((await upload(embeds)).id)).text()) === embeds,
  "files.create": async () => (await upload(embeds)).object,
  "files.delete": async () => (await client.files.delete((await upload(embeds)).id)).deleted,
  "files.list": async () => (await client.files.list({ limit: 1 })).data.length,
  "files.retrieve": async () => (await client.files.retrieve((await upload(embeds)).id)).object,
  "files.waitForProcessing": async () => (await client.files.waitForProcessing((await upload(embeds)).id)).status,
  "images.generate": async () =>
    (await client.images.generate({ model: "flux-schnell", prompt: "a red apple", size: "256x256" })).data.length,
  "models.list": async () => (await client.models.list()).data.length,
  "models.retrieve": async () => (await client.models.retrieve(model)).object,
  "responses.cancel": async () => {
    const made = await client.responses.create({ model, input: "Fill a table.", background: true });
    const ended = await client.responses.cancel(made.id);
    return ended.id === made.id && ended.status;
  },
  "responses.create": async () => (await client.responses.create(asked)).object,
  "responses.create, streamed": async () =>
    (await all(await client.responses.create({ ...asked, stream: true }))).length,
  "responses.delete": async () => {
    await client.responses.delete((await client.responses.create(asked)).id);
    return true;
  },
  "responses.inputItems.list": async () =>
    (await client.responses.inputItems.list((await client.responses.create(asked)).id)).data.length,
  "responses.parse": async () => (await client.responses.parse(asked)).object,
  "responses.retrieve": async () =>
    (await client.responses.retrieve((await client.responses.create(asked)).id)).object,
  "responses.retrieve, streamed": async () => {
    const first = await all(await client.responses.create({ ...asked, background: true, stream: true }));
    const again = await client.responses.retrieve(first[0].response.id, { stream: true, starting_after: 2 });
    return JSON.stringify(await all(again)) === JSON.stringify(first.slice(3)) && first[3].type;
  },
  "responses.stream": async () => (await client.responses.stream(asked).finalResponse()).object,
};

const methods = (resource) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(resource)).filter(
    (name) => name !== "constructor" && !name.startsWith("_") && typeof resource[name] === "function");
const resources = {
  "audio.speech": client.audio.speech, "audio.transcriptions": client.audio.transcriptions,
  "audio.translations": client.audio.translations, batches: client.batches,
  "chat.completions": client.chat.completions, completions: client.completions,
  embeddings: client.embeddings, files: client.files, images: client.images, models: client.models,
  moderations: client.moderations,
  responses: client.responses, "responses.inputItems": client.responses.inputItems,
};
const told = { methods: [], answers: {} };
for (const [name, resource] of Object.entries(resources))
  for (const method of methods(resource)) told.methods.push(`${name}.${method}`);
for (const [name, call] of Object.entries(calls)) told.answers[name] = await call();
console.log(JSON.stringify(told));
