// A client of the test tools: node client.mjs SDK URL KEY PAYMENT prints what it saw as one JSON object.
const [sdk, url, key, payment] = process.argv.slice(2);
const { connect } = await import(`./${sdk}.mjs`);

async function joined(bearer) {
  const client = await connect(url, bearer ? { Authorization: `Bearer ${bearer}` } : {});
  await client.list(); // from here on it validates results, errors too, against output schemas
  return client;
}

async function failure(promise) {
  try {
    return { passed: await promise };
  } catch (error) {
    return { code: error.code, status: error.status, name: error.name };
  }
}

const saw = { text: "" };
const guest = await joined();
saw.tools = (await guest.list()).tools.map((tool) => tool.name);
saw.challenge = await guest.call({ name: "talk", arguments: { words: ["a"] } });
saw.paid = await guest.call({
  name: "talk",
  arguments: { words: ["a"] },
  _meta: { "x402/payment": JSON.parse(payment) },
});
saw.invalid = await guest.call({ name: "echo", arguments: { text: 5 } });
saw.unknown = await failure(guest.call({ name: "nothing", arguments: {} }));
saw.forbidden = await failure(joined("batchin_api_wrong"));

const member = await joined(key);
saw.answer = await member.call(
  { name: "talk", arguments: { words: ["a ", "b ", "c"] } },
  { onprogress: ({ message }) => (saw.text += message ?? "") },
);
const stop = new AbortController();
setTimeout(() => stop.abort("enough"), 200);
saw.cancelled = await failure(
  member.call({ name: "talk", arguments: { words: ["a", "b"], hang: true } }, { signal: stop.signal }),
);
console.log(JSON.stringify(saw));
process.exit(0);
