// Verifies bundles with the checks of the page: {folder, cases: [{bundle, keys, request}]} on stdin.
import { readFileSync } from "node:fs";

const { folder, cases } = JSON.parse(readFileSync(0, "utf8"));
const { verify } = await import(`file://${folder}/checks.js`);
const verdicts = [];
for (const { bundle, keys, request } of cases) verdicts.push(await verify(bundle, { keys, request }));
console.log(JSON.stringify(verdicts));
