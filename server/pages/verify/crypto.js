// SHA-256, Ed25519 and Merkle proofs (RFC 9162), with what the browser brings along.

const encoder = new TextEncoder();

export const bytesOf = (text) => encoder.encode(text);

export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

// null for what is not exactly what the encoding of its bytes would give.
export function fromBase64(text) {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return btoa(String.fromCharCode(...bytes)) === text ? bytes : null;
  } catch {
    return null;
  }
}

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export async function signatureHolds(publicKey, message, signature) {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw error;
    return false;
  }
}

export const leafHash = (entry) => sha256(joined(Uint8Array.of(0), entry));

const nodeHash = (left, right) => sha256(joined(Uint8Array.of(1), left, right));

// Whether the path proves that the leaf is number `index` of the tree (RFC 9162 section 2.1.3.2).
export async function included(leaf, index, size, path, root) {
  if (index < 0 || index >= size) return false;
  let at = BigInt(index);
  let last = BigInt(size) - 1n;
  let computed = leaf;
  for (const sibling of path) {
    if (last === 0n) return false;
    if (at & 1n || at === last) {
      computed = await nodeHash(sibling, computed);
      while (!(at & 1n) && at) [at, last] = [at >> 1n, last >> 1n];
    } else {
      computed = await nodeHash(computed, sibling);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && hexOf(computed) === hexOf(root);
}
