// A wallet of the official clients at a real server:
// node pay.mjs (fetch|axios) (upto|exact|exact-permit2|v1) URL RPC_URL KEY pays one chat call over HTTP and prints
// what it saw as one JSON object.
import { x402Client } from "@x402/core/client";
import { decodePaymentResponseHeader } from "@x402/core/http";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/client";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { EVM_NETWORK_CHAIN_ID_MAP } from "@x402/evm/v1";
import { privateKeyToAccount } from "viem/accounts";

const NETWORK = "eip155:31337";
const [transport, scheme, url, rpcUrl, secret] = process.argv.slice(2);
const account = privateKeyToAccount(secret);
const client = new x402Client();
client.setSpendControls?.(false);

if (scheme === "v1") {
  EVM_NETWORK_CHAIN_ID_MAP[NETWORK] = 31337; // version 1 knows chains by name, and this one has none
  client.registerV1(NETWORK, new ExactEvmSchemeV1(account));
} else if (scheme === "upto") {
  client.register(NETWORK, new UptoEvmScheme(account, { rpcUrl }));
} else {
  client.register(NETWORK, new ExactEvmScheme(account, { rpcUrl }));
}
if (scheme === "exact-permit2") {
  client.registerPolicy((_, offers) =>
    offers.filter((offer) => offer.extra?.assetTransferMethod === "permit2"),
  );
}

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
