// A wallet without an account at a real server: node wallet.mjs SDK URL KEY finds a tool, is asked to pay,
// pays, is answered, spends what is left, and prints what it saw as one JSON object.
import { privateKeyToAccount } from "viem/accounts";

const [sdk, url, secret] = process.argv.slice(2);
const { connect } = await import(`./${sdk}.mjs`);
const account = privateKeyToAccount(secret);
const field = (name, type) => ({ name, type });

async function pay({ accepts, resource, x402Version }) {
  const accepted = accepts.find(({ scheme }) => scheme === "exact");
  const authorization = {
    from: account.address,
    to: accepted.payTo,
    value: accepted.amount,
    validAfter: "0",
    validBefore: String(Math.floor(Date.now() / 1000) + accepted.maxTimeoutSeconds),
    nonce: `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex")}`,
  };
  const signature = await account.signTypedData({
    domain: {
      name: accepted.extra.name,
      version: accepted.extra.version,
      chainId: Number(accepted.network.split(":")[1]),
      verifyingContract: accepted.asset,
    },
    types: {
      TransferWithAuthorization: [
        field("from", "address"),
        field("to", "address"),
        field("value", "uint256"),
        field("validAfter", "uint256"),
        field("validBefore", "uint256"),
        field("nonce", "bytes32"),
      ],
    },
    primaryType: "TransferWithAuthorization",
    message: {
      ...authorization,
      value: BigInt(authorization.value),
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
    },
  });
  return { x402Version, resource, accepted, payload: { signature, authorization } };
}

const guest = await connect(url, {});
const saw = { text: "" };
saw.tools = (await guest.list()).tools.map((tool) => tool.name);
const messages = [{ role: "user", content: "Say hi." }];
const chat = (max_tokens) => ({ name: "chat", arguments: { model: "qwen3-32b", messages, max_tokens } });
saw.challenge = (await guest.call(chat(200))).structuredContent;
saw.paid = await guest.call({ ...chat(200), _meta: { "x402/payment": await pay(saw.challenge) } });

// The rest is the wallet's credit: it signs who it is (EIP-4361), which moves nothing, and gets a token.
async function signIn() {
  const at = new URL("/v1/sign-in", url);
  const { info, supportedChains } = (await (await fetch(at)).json()).extensions["sign-in-with-x"];
  const told = { ...info, ...supportedChains[0], address: account.address };
  const message = [
    `${told.domain} wants you to sign in with your Ethereum account:`,
    told.address,
    "",
    told.statement,
    "",
    `URI: ${told.uri}`,
    `Version: ${told.version}`,
    `Chain ID: ${told.chainId.split(":")[1]}`,
    `Nonce: ${told.nonce}`,
    `Issued At: ${told.issuedAt}`,
    `Expiration Time: ${told.expirationTime}`,
  ].join("\n");
  const proof = { ...told, signature: await account.signMessage({ message }) };
  const header = Buffer.from(JSON.stringify(proof)).toString("base64");
  const answer = await fetch(at, { method: "POST", headers: { "SIGN-IN-WITH-X": header } });
  return (await answer.json()).access_token;
}

const holder = await connect(url, { Authorization: `Bearer ${await signIn()}` });
await holder.list();
saw.spent = await holder.call(chat(8), { onprogress: ({ message }) => (saw.text += message ?? "") });
saw.invalid = await holder.call({ name: "chat", arguments: { model: "qwen3-32b", messages: [] } });
console.log(JSON.stringify(saw));
process.exit(0);
