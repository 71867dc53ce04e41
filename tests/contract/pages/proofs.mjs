// Checks the vectors of Merkle proofs with the page's own code, and consistency (RFC 9162 section 2.1.4.2)
// with what stands here: {folder, vectors} on stdin; prints how many proofs held and how many lies did.
import { readFileSync } from "node:fs";

const { folder, vectors } = JSON.parse(readFileSync(0, "utf8"));
const { fromHex, hexOf, included, joined, leafHash, sha256 } = await import(`file://${folder}/crypto.js`);
const node = (left, right) => sha256(joined(Uint8Array.of(1), left, right));
const same = (one, other) => hexOf(one) === hexOf(other);

async function consistent(first, second, before, after, proof) {
  if (first === second) return proof.length === 0 && same(before, after);
  const path = (first & (first - 1)) === 0 ? [before, ...proof] : [...proof];
  if (path.length === 0) return false;
  let [fn, sn] = [first - 1, second - 1];
  while (fn & 1) [fn, sn] = [fn >> 1, sn >> 1];
  let [fr, sr] = [path[0], path[0]];
  for (const item of path.slice(1)) {
    if (sn === 0) return false;
    if (fn & 1 || fn === sn) {
      fr = await node(item, fr);
      sr = await node(item, sr);
      while (!(fn & 1) && fn) [fn, sn] = [fn >> 1, sn >> 1];
    } else sr = await node(sr, item);
    [fn, sn] = [fn >> 1, sn >> 1];
  }
  return sn === 0 && same(fr, before) && same(sr, after);
}

const entry = (number) => Uint8Array.of(number >> 24, number >> 16, number >> 8, number);
const lie = new Uint8Array(32);
const seen = { held: 0, failed: 0, lies: 0, roots: vectors.trees.length };
for (const { size, root, inclusion, consistency } of vectors.trees) {
  const whole = fromHex(root);
  if (size === 0 && !same(await sha256(new Uint8Array()), whole)) seen.failed += 1;
  for (const { index, leaf, path } of inclusion) {
    const hash = await leafHash(entry(index));
    const siblings = path.map(fromHex);
    const holds = hexOf(hash) === leaf && (await included(hash, index, size, siblings, whole));
    seen[holds ? "held" : "failed"] += 1;
    if (await included(hash, index, size, siblings, lie)) seen.lies += 1;
    if (await included(lie, index, size, siblings, whole)) seen.lies += 1;
  }
  for (const { first, root: before, path } of consistency) {
    const siblings = path.map(fromHex);
    const holds = await consistent(first, size, fromHex(before), whole, siblings);
    seen[holds ? "held" : "failed"] += 1;
    if (await consistent(first, size, lie, whole, siblings)) seen.lies += 1;
  }
}
console.log(JSON.stringify(seen));
