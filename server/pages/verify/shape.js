// What a bundle must hold before anything is computed from it, read from hostile data.

import { Float } from "./json.js";

const text = (value) => typeof value === "string" && value.length <= 512;
const like = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const small = (value) => typeof value === "number" && value >= 0;
const decimal = like(/^(0|[1-9][0-9]{0,38})$/);
const number = (value) => small(value) || decimal(value);
const hash = like(/^sha256:[0-9a-f]{64}$/);
const hex = like(/^[0-9a-f]{64}$/);
const signature = like(/^ed25519:[0-9a-f]{128}$/);
const publicKey = like(/^ed25519:pk_[0-9a-f]{64}$/);
const optional = (check) => Object.assign((value) => check(value), { optional: true });
const hashes = (value) => Array.isArray(value) && value.length <= 64 && value.every(hex);
const note = (value) => typeof value === "string" && value.length <= 16384;

const all = (check, ...names) => Object.fromEntries(names.map((name) => [name, check]));

const USAGE = {
  ...all(number, "input_tokens", "output_tokens", "cached_tokens"),
  ...all(optional(number), "images", "audio_ms", "characters", "video_ms"),
};
const PRICE = {
  version: text,
  ...all(number, "input_nano_per_mtok", "output_nano_per_mtok"),
  ...all(optional(number), "nano_per_image", "nano_per_second", "nano_per_mchar"),
};
const EVIDENCE_PAYLOAD = {
  ...all(
    text, "type", "record_id", "run_id", "audit_id", "tool", "public_route_label", "model",
    "served_model", "served_revision", "engine", "engine_version", "rail", "network", "asset", "payer",
    "payee", "nonce", "status", "prompt_version_id", "customer_trace_id", "environment",
    "agent_registry", "agent_id", "tool_manifest_hash",
  ),
  ...all(hash, "input_hash", "output_hash"),
  ...all(number, "quoted_max_nano_usd", "charged_nano_usd"),
  ...all(small, "started_at_ms", "ended_at_ms", "issued_at_ms"),
  max_amount: decimal,
  hashes: optional(like(/^(plain|salted)$/)),
  usage: USAGE,
  price: PRICE,
};
const EVIDENCE = {
  ...all(
    text, "record_id", "run_id", "audit_id", "customer_trace_id", "public_route_label", "environment",
    "prompt_version_id", "verification_method", "key_id",
  ),
  public_key: publicKey,
  payload_hash: hash,
  signature,
  payload: EVIDENCE_PAYLOAD,
};
const RECEIPT = {
  ...all(text, "record_id", "run_id", "verification_method", "key_id"),
  ...all(hash, "request_hash", "response_hash", "receipt_hash"),
  ...all(signature, "record_signature", "receipt_signature"),
  public_key: publicKey,
  receipt_payload: {
    ...all(text, "type", "record_id", "run_id", "transaction"),
    ...all(hash, "evidence_hash", "request_hash", "response_hash"),
    ...all(number, "charged_nano_usd", "settled_atomic", "credit_nano_usd"),
    issued_at_ms: small,
  },
};
const INCLUSION = {
  ...all(small, "leaf_index", "tree_size"),
  ...all(hex, "leaf_hash", "root"),
  proof: hashes,
  checkpoint: note,
};

const word = like(/^0x[0-9a-f]{64}$/);
const ANCHOR = {
  kind: like(/^(identity_metadata|validation_registry)$/),
  network: like(/^eip155:[1-9][0-9]{0,18}$/),
  registry: like(/^0x[0-9a-fA-F]{40}$/),
  agent_id: decimal,
  ...all(word, "digest", "transaction"),
  block: small,
  inclusion: INCLUSION,
};

// The bundle itself, or the bundle around a bare evidence pack.
export function whole(bundle) {
  const bare = bundle instanceof Map && bundle.has("payload") && !bundle.has("evidence");
  return bare ? new Map([["evidence", bundle]]) : bundle;
}

// What is wrong, "" when it is a bundle.
export function shapeProblem(bundle) {
  if (!(bundle instanceof Map)) return "A bundle is a JSON object.";
  const parts = { evidence: EVIDENCE, receipt: RECEIPT, inclusion: INCLUSION, anchor: ANCHOR };
  for (const [name, fields] of Object.entries(parts)) {
    const part = bundle.get(name) ?? null;
    if (part === null && name !== "evidence") continue;
    const problem = problemOf(part, fields, name);
    if (problem) return problem;
  }
  return "";
}

function problemOf(value, fields, place) {
  if (!(value instanceof Map)) return `${place}: an object was expected`;
  for (const [name, check] of Object.entries(fields)) {
    const inner = `${place}.${name}`;
    if (!value.has(name)) {
      if (check.optional) continue;
      return `${inner}: is missing`;
    }
    const problem =
      typeof check === "function"
        ? check(value.get(name)) ? "" : `${inner}: is malformed`
        : problemOf(value.get(name), check, inner);
    if (problem) return problem;
  }
  return "";
}

// What of a payload any JSON library would not write alike; "" when there is nothing.
export function plainProblem(value, place) {
  if (value instanceof Float) return `${place} is a float.`;
  if (typeof value === "bigint") return `${place} is an integer of 2^53 or above that is no string.`;
  if (value instanceof Map) {
    for (const [name, item] of value) {
      if (!/^[\x00-\x7f]*$/.test(name)) return `${place} has a key beyond ASCII.`;
      const problem = plainProblem(item, `${place}.${name.slice(0, 64)}`);
      if (problem) return problem;
    }
  } else if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      const problem = plainProblem(item, `${place}[${at}]`);
      if (problem) return problem;
    }
  }
  return "";
}
