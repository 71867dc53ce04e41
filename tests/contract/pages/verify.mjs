// Verifies bundles with the checks of the page: {folder, cases: [{bundle, keys, request, salt}]} on stdin.
import { readFileSync } from "node:fs";

const { folder, cases } = JSON.parse(readFileSync(0, "utf8"));
const { verify } = await import(`file://${folder}/checks.js`);
const verdicts = [];
for (const { bundle, ...given } of cases) verdicts.push(await verify(bundle, given));
console.log(JSON.stringify(verdicts));
