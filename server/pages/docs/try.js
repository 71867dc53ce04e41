// Try it: a real request to this server from the form, its answer, and the same request for curl.

const KEY = "batchin_key"; // of this tab alone
const form = document.querySelector(".try form");
const shown = document.querySelector(".try .answer");
const curl = document.querySelector(".try .curl");
const { method, path, kind, base } = form.dataset;
const secret = form.elements.namedItem("key");
let objectUrl = null;

function kept() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function keep(key) {
  try {
    if (key) sessionStorage.setItem(KEY, key);
  } catch {
    // it stays in the field
  }
}

function request() {
  let where = path;
  const query = new URLSearchParams();
  const parts = [];
  for (const input of form.querySelectorAll("input[name*=':']")) {
    const at = input.name.indexOf(":");
    const [place, name] = [input.name.slice(0, at), input.name.slice(at + 1)];
    if (place === "path") where = where.replace(`{${name}}`, encodeURIComponent(input.value || `{${name}}`));
    else if (place === "query" && input.value) query.append(name, input.value);
    else if (place === "form" && input.value) parts.push([name, input.value]);
    else if (place === "file") for (const file of input.files) parts.push([name, file]);
  }
  const address = where + (query.size ? `?${query}` : "");
  const headers = secret?.value.trim() ? { authorization: `Bearer ${secret.value.trim()}` } : {};
  let body;
  if (kind === "multipart/form-data") {
    body = new FormData();
    for (const [name, value] of parts) body.append(name, value);
  } else if (kind) {
    headers["content-type"] = kind;
    body = form.elements.namedItem("body").value;
  }
  return { address, headers, body, parts };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function spelled({ address, headers, body, parts }) {
  const lines = [`curl -sS${method === "GET" ? "" : ` -X ${method}`} ${quoted(base + address)}`];
  if (headers.authorization) lines.push(`-H "Authorization: Bearer $BATCHIN_API_KEY"`);
  if (headers["content-type"]) lines.push(`-H ${quoted(`Content-Type: ${kind}`)}`);
  if (body instanceof FormData) {
    for (const [name, value] of parts) lines.push(`-F ${quoted(`${name}=${value instanceof File ? `@${value.name}` : value}`)}`);
  } else if (body) lines.push(`-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}

function node(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function block(text) {
  const box = node("div", "", "code");
  const pre = node("pre", "");
  pre.tabIndex = 0;
  pre.append(node("code", text));
  box.append(pre);
  return [box, pre.firstChild];
}

async function told(answer, code, box) {
  const type = answer.headers.get("content-type") ?? "";
  if (/^(image|audio|video)\//.test(type)) {
    if (objectUrl) URL.revokeObjectURL(objectUrl);
    objectUrl = URL.createObjectURL(await answer.blob());
    const seen = document.createElement(type.startsWith("image/") ? "img" : "audio");
    seen.src = objectUrl;
    if (seen.tagName === "IMG") seen.alt = path;
    else seen.controls = true;
    box.replaceWith(seen);
  } else if (/event-stream/.test(type)) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) code.textContent += piece.value;
  } else {
    const text = await answer.text();
    try {
      code.textContent = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      code.textContent = text;
    }
  }
}

async function send(event) {
  event.preventDefault();
  keep(secret?.value.trim());
  const asked = request();
  const began = performance.now();
  shown.replaceChildren(node("p", "…"));
  try {
    const answer = await fetch(asked.address, { method, headers: asked.headers, body: asked.body });
    const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const [headBox] = block(heads);
    const [bodyBox, code] = block("");
    const status = node("p", `${answer.status} ${answer.statusText} `, `badge ${answer.ok ? "good" : "bad"}`);
    shown.replaceChildren(status, headBox, bodyBox);
    await told(answer, code, bodyBox);
    status.textContent += `· ${Math.round(performance.now() - began)} ms`;
  } catch (error) {
    shown.replaceChildren(node("p", String(error), "fail"));
  }
}

const spell = () => (curl.textContent = spelled(request()));
if (secret) secret.value = kept();
form.addEventListener("input", spell);
form.addEventListener("submit", send);
spell();
