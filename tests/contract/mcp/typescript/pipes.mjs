// A client that starts the bridge: node pipes.mjs SDK COMMAND ARGUMENTS CWD prints what it saw as JSON.
const [sdk, command, given, cwd] = process.argv.slice(2);
const { start } = await import(`./${sdk}.mjs`);
const client = await start({ command, args: JSON.parse(given), cwd, env: process.env, stderr: "ignore" });

const saw = { text: "" };
saw.tools = (await client.list()).tools.map((tool) => tool.name);
const messages = [{ role: "user", content: "Say hi." }];
const chat = (max_tokens, messages) => ({
  name: "chat",
  arguments: { model: "qwen3-32b", messages, max_tokens },
});
const onprogress = ({ message }) => (saw.text += message ?? "");
saw.paid = await client.call(chat(100, messages), { onprogress });
saw.invalid = await client.call(chat(8, []));
const stop = new AbortController();
saw.cancelled = await client
  .call(chat(1000, messages), { signal: stop.signal, onprogress: () => stop.abort("enough") })
  .then(() => "answered", (error) => error.code);
console.log(JSON.stringify(saw));
await client.close();
process.exit(0);
