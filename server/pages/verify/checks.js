// Every offline check of a bundle, the same and under the same names as `batchin verify` makes them.
// Runs in browsers and in Node; asks nobody.

import { bytesOf, fromBase64, fromHex, hexOf, included, joined, leafHash, sha256, signatureHolds } from "./crypto.js";
import { keccak256 } from "./keccak.js";
import { BadJson, canonical, parse } from "./json.js";
import { plainProblem, shapeProblem, whole } from "./shape.js";

const MOST_BYTES = 262144;
const METHOD = "Ed25519Signature2020";
const SHOWN = ["customer_trace_id", "public_route_label", "environment", "prompt_version_id"];
const COPIED = [
  "record_id", "run_id", "tool", "model", "served_model", "usage", "price", "quoted_max_nano_usd", "rail",
  "network", "asset", "payer", "payee", "nonce", "status", "agent_registry", "agent_id", "environment",
  "energy",
];
const STATUSES = ["completed", "partial", "failed"];
const SALT = /^[0-9a-f]{64}$/;
const TRANSPORT = ["stream", "stream_options"];

class Findings {
  checks = [];

  add(name, problem = "", needed = true) {
    this.checks.push({ name, result: problem ? "fail" : "pass", detail: problem, needed });
  }

  equal(name, left, right, problem) {
    this.add(name, left === right ? "" : problem);
  }

  skip(name, detail, needed = true) {
    this.checks.push({ name, result: "skipped", detail, needed });
  }

  verdict(recordId) {
    const failed = this.checks.some((check) => check.result === "fail");
    const open = this.checks.some((check) => check.needed && check.result !== "pass");
    const trusted = this.checks.some((check) => check.name === "key_trusted" && check.result === "pass");
    const outcome = failed ? "fail" : open ? "incomplete" : "pass";
    return { record_id: recordId, valid: trusted && !failed, outcome, checks: this.checks };
  }
}

// `text` is the bundle's JSON; `keys` the text of GET /v1/vaas/pubkey/current and `request` that of the
// request body, `salt` the salt of the record's hashes as hex, each null where it is not at hand. Keys that a
// bundle brings along are not believed.
export async function verify(text, { keys = null, request = null, salt = null } = {}) {
  const findings = new Findings();
  let bundle;
  let problem = bytesOf(text).length > MOST_BYTES ? `A bundle is at most ${MOST_BYTES} bytes.` : "";
  try {
    bundle = problem ? null : whole(parse(text));
    problem ||= shapeProblem(bundle);
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    problem = `It is not JSON: ${error.message}.`;
  }
  findings.add("schema", problem);
  if (problem) return findings.verdict("");
  const evidence = bundle.get("evidence");
  const receipt = bundle.get("receipt") ?? null;
  const trust = trustFrom(keys);
  await checkEvidence(findings, evidence, bundle.get("inclusion") ?? null, trust);
  await checkReceipt(findings, evidence, receipt);
  checkMoney(findings, evidence.get("payload"), receipt?.get("receipt_payload") ?? null);
  await checkRequest(findings, evidence.get("payload"), request, salt);
  findings.skip("response_hash", "Check the answer itself with batchin verify --response.", false);
  await checkLog(findings, bundle, trust);
  return findings.verdict(evidence.get("record_id"));
}

// The keys of a saved answer of GET /v1/vaas/pubkey/current; null when it is none.
export function trustFrom(text) {
  if (!text) return null;
  let document;
  try {
    document = parse(text);
  } catch {
    return null;
  }
  const keys = document instanceof Map ? document.get("keys") : null;
  if (!Array.isArray(keys) || !keys.every((key) => key instanceof Map)) return null;
  const log = document.get("log");
  return {
    keys: keys.map((key) => ({
      publicKey: key.get("public_key"),
      since: key.get("not_before_ms"),
      until: key.get("not_after_ms") ?? Infinity,
      revoked: key.get("revoked_log_size") ?? Infinity,
    })),
    logKey: log instanceof Map ? logKeyFrom(log.get("verifier_key")) : null,
  };
}

function logKeyFrom(text) {
  const [name, hash, ...encoded] = typeof text === "string" ? text.split("+") : [];
  const bytes = encoded.length ? fromBase64(encoded.join("+")) : null;
  return bytes?.length === 33 && bytes[0] === 1 ? { name, hash, publicKey: bytes.slice(1) } : null;
}

async function checkEvidence(findings, evidence, inclusion, trust) {
  const payload = evidence.get("payload");
  await checkSigned(findings, payload, {
    canonical: "evidence.canonical",
    hash: ["evidence.payload_hash", evidence.get("payload_hash"), "payload_hash is not the hash of the payload."],
    signature: ["evidence.signature", evidence.get("signature")],
    publicKey: evidence.get("public_key"),
  });
  findings.add("evidence.members", memberProblem(evidence, payload));
  findings.add("evidence.key_id", await keyProblem(evidence));
  if (!trust) {
    findings.skip("key_trusted", "No key list was given; a bundle's own key proves nothing.");
    return;
  }
  const at = payload.get("issued_at_ms");
  const known = trust.keys.find((key) => key.publicKey === evidence.get("public_key"));
  if (!known) findings.add("key_trusted", "The public key is none of the trusted ones.");
  else {
    const inUse = known.since <= at && at <= known.until;
    const held = known.revoked === Infinity || (trust.logKey && inclusion && inclusion.get("leaf_index") < known.revoked);
    const late = held ? "" : "The key was revoked, and the log did not hold the record before.";
    findings.add("key_trusted", inUse ? late : "The key was not in use at issued_at_ms.");
  }
}

async function checkReceipt(findings, evidence, receipt) {
  if (!receipt) {
    findings.skip("receipt", "The bundle holds no receipt.");
    return;
  }
  const payload = receipt.get("receipt_payload");
  await checkSigned(findings, payload, {
    canonical: "receipt.canonical",
    hash: ["receipt.receipt_hash", receipt.get("receipt_hash"), "receipt_hash is not the hash of the receipt_payload."],
    signature: ["receipt.receipt_signature", receipt.get("receipt_signature")],
    publicKey: receipt.get("public_key"),
  });
  findings.add("receipt.members", receiptMemberProblem(receipt, payload));
  findings.add("receipt.key_id", await keyProblem(receipt));
  checkLinkage(findings, evidence, receipt);
}

function checkLinkage(findings, evidence, receipt) {
  const record = evidence.get("payload");
  const payload = receipt.get("receipt_payload");
  const pairs = {
    record_id: evidence.get("record_id"),
    record_signature: evidence.get("signature"),
    public_key: evidence.get("public_key"),
    request_hash: record.get("input_hash"),
    response_hash: record.get("output_hash"),
  };
  for (const [name, recorded] of Object.entries(pairs)) {
    findings.equal(`linkage.${name}`, receipt.get(name), recorded, `The receipt's ${name} is not that of the evidence.`);
  }
  findings.equal(
    "linkage.evidence_hash",
    payload.get("evidence_hash"),
    evidence.get("payload_hash"),
    "The receipt was made for another record.",
  );
  const same = (name) => canonical(payload.get(name) ?? null) === canonical(record.get(name) ?? null);
  const differing = COPIED.find((name) => !same(name));
  findings.add("linkage.payload", differing ? `The receipt's ${differing} is not that of the evidence.` : "");
}

async function checkSigned(findings, payload, names) {
  const problem = plainProblem(payload, "payload");
  findings.add(names.canonical, problem);
  if (problem) return;
  const signed = bytesOf(canonical(payload));
  const [hashName, told, wrong] = names.hash;
  findings.equal(hashName, `sha256:${hexOf(await sha256(signed))}`, told, wrong);
  const [signatureName, signature] = names.signature;
  const key = fromHex(names.publicKey.slice("ed25519:pk_".length));
  const holds = await signatureHolds(key, signed, fromHex(signature.slice("ed25519:".length)));
  findings.add(signatureName, holds ? "" : "The key did not sign these bytes.");
}

function memberProblem(evidence, payload) {
  if (payload.get("type") !== "batchin/evidence/v1") return "payload.type should be batchin/evidence/v1.";
  if (evidence.get("verification_method") !== METHOD) return `verification_method should be ${METHOD}.`;
  for (const name of ["record_id", "run_id", "audit_id", ...SHOWN]) {
    if (evidence.get(name) !== payload.get(name)) return `${name} is not that of the payload.`;
  }
  const run = /^run_([0-9a-f]{32})$/.exec(evidence.get("run_id"));
  if (!run) return "run_id is malformed.";
  const digits = run[1];
  const cuts = [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]];
  const audit = cuts.map(([from, to]) => digits.slice(from, to)).join("-");
  const named = evidence.get("record_id") === `vaas_${digits}` && evidence.get("audit_id") === audit;
  return named ? "" : "record_id and audit_id do not name the run.";
}

function receiptMemberProblem(receipt, payload) {
  if (payload.get("type") !== "batchin/receipt/v1") return "receipt_payload.type should be batchin/receipt/v1.";
  if (receipt.get("verification_method") !== METHOD) return `verification_method should be ${METHOD}.`;
  for (const name of ["record_id", "run_id", "request_hash", "response_hash"]) {
    if (receipt.get(name) !== payload.get(name)) return `${name} is not that of the receipt_payload.`;
  }
  return "";
}

async function keyProblem(part) {
  const key = fromHex(part.get("public_key").slice("ed25519:pk_".length));
  const id = hexOf(await sha256(key)).slice(0, 8);
  return id === part.get("key_id") ? "" : "key_id does not name public_key.";
}

const count = (map, name) => BigInt(map.get(name) ?? 0);

function checkMoney(findings, record, receipt) {
  findings.add("price_arithmetic", priceProblem(record));
  findings.add("charge_bounds", chargeProblem(record));
  if (receipt) findings.add("settlement_arithmetic", settlementProblem(record, receipt));
  const times = ["started_at_ms", "ended_at_ms", "issued_at_ms"].map((name) => record.get(name));
  if (receipt) times.push(receipt.get("issued_at_ms"));
  const ordered = times.every((time, at) => at === 0 || times[at - 1] <= time);
  findings.add("times", ordered ? "" : "The times of the call are out of order.");
}

function priceProblem(record) {
  const usage = record.get("usage");
  const price = record.get("price");
  if (count(usage, "cached_tokens") > count(usage, "input_tokens")) return "More tokens were cached than sent.";
  const exact =
    count(usage, "input_tokens") * count(price, "input_nano_per_mtok") +
    count(usage, "output_tokens") * count(price, "output_nano_per_mtok") +
    count(usage, "characters") * count(price, "nano_per_mchar") +
    count(usage, "images") * count(price, "nano_per_image") * 1000000n +
    (count(usage, "audio_ms") + count(usage, "video_ms")) * count(price, "nano_per_second") * 1000n;
  const cost = (exact + 999999n) / 1000000n;
  const most = count(record, "quoted_max_nano_usd");
  const expected = record.get("status") === "failed" ? 0n : cost < most ? cost : most;
  const charged = count(record, "charged_nano_usd");
  return charged === expected ? "" : `charged_nano_usd is ${charged}, usage x price is ${expected}.`;
}

function chargeProblem(record) {
  if (!STATUSES.includes(record.get("status"))) return "status should be completed, partial or failed.";
  const charged = count(record, "charged_nano_usd");
  if (charged > count(record, "quoted_max_nano_usd")) return "More was charged than was quoted.";
  const unit = record.get("rail") === "x402" ? 1000n : 1n;
  return charged > count(record, "max_amount") * unit ? "More was charged than the payer authorized." : "";
}

function settlementProblem(record, receipt) {
  const charged = count(receipt, "charged_nano_usd");
  const settled = count(receipt, "settled_atomic");
  const credit = count(receipt, "credit_nano_usd");
  const transaction = receipt.get("transaction");
  // A payment that was refused in the end: nothing moved, nothing is charged.
  if (record.get("rail") === "x402" && !(charged || settled || credit || transaction)) return "";
  if (charged !== count(record, "charged_nano_usd")) return "The receipt charges another amount than the evidence.";
  if (record.get("rail") !== "x402") {
    const moved = settled || credit || transaction;
    return moved ? `Nothing moves on chain on the rail '${record.get("rail")}'.` : "";
  }
  if (settled > count(record, "max_amount")) return "More was settled than the payer authorized.";
  if (settled * 1000n !== charged + credit) return "What was settled is not the charge and the credit together.";
  if (Boolean(settled) !== Boolean(transaction)) return "A settlement and its transaction go together.";
  return "";
}

async function checkRequest(findings, record, request, salt) {
  if (!request) {
    findings.skip("request_hash", "No request body was given.", false);
    return;
  }
  const salted = record.get("hashes") === "salted";
  if (salted && !SALT.test(salt ?? "")) {
    findings.skip("request_hash", "The record's hashes are salted, and no salt was given.");
    return;
  }
  let body;
  try {
    body = parse(request);
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
  }
  if (!(body instanceof Map)) {
    findings.add("request_hash", "The request is not a JSON object.");
    return;
  }
  const named = namedOf(record, body);
  if (named === null) {
    findings.add("request_hash", "The request holds no input_text.");
    return;
  }
  const plain = await sha256(bytesOf(named));
  const hash = salted ? await sha256(joined(fromHex(salt), bytesOf("input"), plain)) : plain;
  findings.equal("request_hash", `sha256:${hexOf(hash)}`, record.get("input_hash"), "The request is not the one that the record names.");
}

// What of a request its record names: its canonical form, or the text that was attested.
function namedOf(record, body) {
  if (record.get("tool") === "attest") {
    const text = body.get("input_text");
    return typeof text === "string" ? text : null;
  }
  for (const name of TRANSPORT) body.delete(name);
  return canonical(body);
}

async function checkLog(findings, bundle, trust) {
  const payloadHash = bundle.get("evidence").get("payload_hash");
  const inclusion = bundle.get("inclusion") ?? null;
  const anchor = bundle.get("anchor") ?? null;
  if (inclusion) await checkPlace(findings, "log", payloadHash, inclusion, trust);
  else {
    for (const name of ["log.inclusion", "log.checkpoint", "log.checkpoint_signature"]) {
      findings.skip(name, "The record has no place in the log yet; fetch the bundle again.");
    }
  }
  if (!anchor) return;
  await checkPlace(findings, "anchor", payloadHash, anchor.get("inclusion"), trust);
  const digest = `0x${hexOf(keccak256(bytesOf(anchor.get("inclusion").get("checkpoint"))))}`;
  const problem = "digest is not the keccak-256 of the checkpoint.";
  findings.equal("anchor.digest", digest, anchor.get("digest"), problem);
  const record = bundle.get("evidence").get("payload");
  if (record.get("agent_registry")) findings.add("anchor.agent", agentProblem(record, anchor));
}

// A record that names an agent is anchored by that one; the metadata is in its own registry.
function agentProblem(record, anchor) {
  const named = record.get("agent_registry");
  const cut = named.lastIndexOf(":");
  const same = anchor.get("network") === named.slice(0, Math.max(cut, 0)) && anchor.get("agent_id") === record.get("agent_id");
  if (!same) return "The anchor is of another agent than the record.";
  const registry = anchor.get("registry").toLowerCase() === named.slice(cut + 1).toLowerCase();
  if (anchor.get("kind") === "identity_metadata" && !registry) {
    return "The anchor is in another registry than the record's agent.";
  }
  return "";
}

async function checkPlace(findings, where, payloadHash, inclusion, trust) {
  findings.add(`${where}.inclusion`, await inclusionProblem(payloadHash, inclusion));
  const note = noteFrom(inclusion.get("checkpoint"));
  if (typeof note === "string") {
    findings.add(`${where}.checkpoint`, note);
    findings.skip(`${where}.checkpoint_signature`, "There is no checkpoint to check.");
    return;
  }
  const size = note.size === String(inclusion.get("tree_size"));
  const root = hexOf(note.root) === inclusion.get("root");
  const wrong = !size ? "The checkpoint is of another tree size." : "The checkpoint is of another root.";
  findings.add(`${where}.checkpoint`, size && root ? "" : wrong);
  if (!trust?.logKey) {
    findings.skip(`${where}.checkpoint_signature`, "No key of the log was given.");
    return;
  }
  const signed = note.origin === trust.logKey.name && (await signedBy(note, trust.logKey));
  findings.add(`${where}.checkpoint_signature`, signed ? "" : "No trusted key of the log signed the checkpoint.");
}

async function inclusionProblem(payloadHash, inclusion) {
  const leaf = await leafHash(fromHex(payloadHash.slice("sha256:".length)));
  if (hexOf(leaf) !== inclusion.get("leaf_hash")) return "leaf_hash is not that of this record.";
  const holds = await included(
    leaf,
    inclusion.get("leaf_index"),
    inclusion.get("tree_size"),
    inclusion.get("proof").map(fromHex),
    fromHex(inclusion.get("root")),
  );
  return holds ? "" : "The proof does not lead from the leaf to the root.";
}

// A parsed checkpoint (C2SP tlog-checkpoint), or what is wrong with it.
function noteFrom(note) {
  const cut = note.lastIndexOf("\n\n");
  if (!note.endsWith("\n")) return "It is not the text of a signed note.";
  if (cut < 0 || cut + 2 >= note.length) return "It has no signature.";
  const text = note.slice(0, cut + 1);
  const lines = text.split("\n");
  if (lines.length < 4) return "It has fewer than three lines.";
  const [origin, size, encoded] = lines;
  if (!origin || !/^(0|[1-9][0-9]{0,17})$/.test(size)) return "Its origin or its size is malformed.";
  const root = fromBase64(encoded);
  if (root?.length !== 32) return "Its root is not a base64 SHA-256.";
  const signatures = [];
  for (const line of note.slice(cut + 2, -1).split("\n")) {
    const [, name, data] = /^— ([^\s+]{1,255}) (\S+)$/.exec(line) ?? [];
    const bytes = data === undefined ? null : fromBase64(data);
    if (!bytes || bytes.length < 5) return "A signature line is malformed.";
    signatures.push({ name, hash: hexOf(bytes.slice(0, 4)), signature: bytes.slice(4) });
  }
  return { origin, size, root, text, signatures };
}

async function signedBy(note, key) {
  const named = joined(bytesOf(`${key.name}\n`), Uint8Array.of(1), key.publicKey);
  const hash = hexOf(await sha256(named)).slice(0, 8);
  for (const line of note.signatures) {
    if (line.name !== key.name || line.hash !== hash || key.hash !== hash) continue;
    if (await signatureHolds(key.publicKey, bytesOf(note.text), line.signature)) return true;
  }
  return false;
}
