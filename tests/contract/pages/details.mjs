// What the checks tell and the page has no translation for: {folder, cases, known} on stdin.
import { readFileSync } from "node:fs";

const { folder, cases, known } = JSON.parse(readFileSync(0, "utf8"));
const { verify } = await import(`file://${folder}/checks.js`);
const { translated } = await import(`file://${folder}/details.js`);
const told = new Set();
for (const { bundle, ...given } of cases) {
  for (const { detail } of (await verify(bundle, given)).checks) if (detail) told.add(detail);
}
const shown = [...told].map((detail) => [detail, translated(detail, known)]);
console.log(JSON.stringify({ told: told.size, left: shown.filter(([detail, other]) => detail === other), shown }));
