// The official openai SDK for TypeScript: its methods for videos, the whole way from wish to file.
import OpenAI, { NotFoundError } from "openai";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const asked = { model: "wan", prompt: "a kite", seconds: "4", size: "1280x720" };
const told = {};

const made = await client.videos.create(asked);
told.create = made.object;
let video = made;
while (video.status === "queued" || video.status === "in_progress") {
  await new Promise((resolve) => setTimeout(resolve, 50));
  video = await client.videos.retrieve(made.id);
}
told.retrieve = video.status;
told.list = (await client.videos.list({ limit: 1 })).data.length;
told.downloadContent = (await (await client.videos.downloadContent(made.id)).arrayBuffer()).byteLength;
told.delete = (await client.videos.delete(made.id)).deleted;
told.gone = await client.videos.retrieve(made.id).then(() => false, (error) => error instanceof NotFoundError);
const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(client.videos)).filter(
  (name) => name !== "constructor" && !name.startsWith("_"));
console.log(JSON.stringify({ told, methods }));
