// The official extension reads and verifies what a real server signs:
// node statements.mjs URL RPC_URL KEY pays one attestation and prints what it verified as one JSON object.
import { x402Client } from "@x402/core/client";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import {
  decodeSignedOffers,
  extractJWSHeader,
  extractOffersFromPaymentRequired,
  extractReceiptFromResponse,
  findAcceptsObjectFromSignedOffer,
  verifyOfferSignatureJWS,
  verifyReceiptMatchesOffer,
  verifyReceiptSignatureJWS,
} from "@x402/extensions/offer-receipt";
import { wrapFetchWithPayment } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

const [url, rpcUrl, secret] = process.argv.slice(2);
const account = privateKeyToAccount(secret);
const client = new x402Client();
client.setSpendControls?.(false);
client.register("eip155:31337", new ExactEvmScheme(account, { rpcUrl }));

const request = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ input_text: "1 + 1?", output_text: "2", model_id: "qwen3-32b" }),
};
const path = `${url}/v1/vaas`;
const asked = await fetch(path, request);
const required = decodePaymentRequiredHeader(asked.headers.get("payment-required"));
const offers = extractOffersFromPaymentRequired(required);
const verified = [];
for (const offer of offers) verified.push(await verifyOfferSignatureJWS(offer)); // resolves did:web
const decoded = decodeSignedOffers(offers);
const found = decoded.every((offer, at) => findAcceptsObjectFromSignedOffer(offer, required.accepts) === required.accepts[at]);
const answer = await wrapFetchWithPayment(fetch, client)(path, request);
const receipt = extractReceiptFromResponse(answer);
const paid = await verifyReceiptSignatureJWS(receipt);
const flipped = { ...receipt, signature: receipt.signature.replace(/.$/, (last) => (last === "A" ? "B" : "A")) };
flipped.signature = flipped.signature.slice(0, -8) + "AAAAAAAA";
const refused = await verifyReceiptSignatureJWS(flipped).then(() => false, () => true);
console.log(
  JSON.stringify({
    challenge_bytes: asked.headers.get("payment-required").length,
    accepts: required.accepts.length,
    offers: verified,
    found,
    kid: extractJWSHeader(receipt.signature).kid,
    receipt: paid,
    matches: verifyReceiptMatchesOffer(receipt, decoded[0], [account.address]),
    refused,
    record: answer.headers.get("x-vaas-record-id"),
  }),
);
