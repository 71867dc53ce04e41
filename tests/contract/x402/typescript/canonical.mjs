// The official extension's canonical form and hash of a golden bundle's payloads: FILE as the argument.
import { canonicalize, hashCanonical } from "@x402/extensions/offer-receipt";
import { readFileSync } from "node:fs";

const golden = JSON.parse(readFileSync(process.argv[2], "utf8"));
const told = [];
for (const { evidence, receipt } of [golden.bundle, golden.salted]) {
  const pairs = [[evidence.payload, evidence.payload_hash], [receipt.receipt_payload, receipt.receipt_hash]];
  for (const [payload, hash] of pairs) {
    const found = Buffer.from(await hashCanonical(payload)).toString("hex");
    told.push({ text: canonicalize(payload), same: `sha256:${found}` === hash });
  }
}
console.log(JSON.stringify(told));
