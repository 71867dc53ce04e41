// A wallet of the official clients at a real server:
// node pay.mjs (fetch|axios) (upto|exact|exact-permit2|v1) URL RPC_URL KEY pays one chat call over HTTP and prints
// what it saw as one JSON object.
import { decodePaymentResponseHeader } from "@x402/core/http";
import { wallet } from "./wallet.mjs";

const [transport, scheme, url, rpcUrl, secret] = process.argv.slice(2);
const client = wallet(scheme, rpcUrl, secret);
const path = `${url}/v1/chat/completions${scheme === "v1" ? "?x402=1" : ""}`;
const body = {
  model: "qwen3-32b",
  messages: [{ role: "user", content: "Say hi." }],
  max_tokens: 3,
};

async function byFetch() {
  const { wrapFetchWithPayment } = await import("@x402/fetch");
  const pay = wrapFetchWithPayment(fetch, client);
  const answer = await pay(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, header: (name) => answer.headers.get(name), body: await answer.json() };
}

async function byAxios() {
  const { default: axios } = await import("axios");
  const { wrapAxiosWithPayment } = await import("@x402/axios");
  const pay = wrapAxiosWithPayment(axios.create({ validateStatus: (status) => status === 200 }), client);
  const answer = await pay.post(path, body);
  return { status: answer.status, header: (name) => answer.headers[name], body: answer.data };
}

const { status, header, body: said } = await (transport === "fetch" ? byFetch() : byAxios());
const settled = header(scheme === "v1" ? "x-payment-response" : "payment-response");
const response = settled && decodePaymentResponseHeader(settled);
console.log(JSON.stringify({ status, said, response, run: header("x-batchin-run-id") }));
