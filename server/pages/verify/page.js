// The page: takes a bundle in, shows each check with what it means.

import { trustFrom, verify } from "./checks.js";
import { translated } from "./details.js";
import { text } from "../kit/kit.js";

const GIVEN = ["bundle", "record", "keys", "request", "salt"];
const KEPT = "batchin_verify";

const element = (id) => document.getElementById(id);

function show(verdict) {
  const number = (result) => verdict.checks.filter((check) => check.result === result).length;
  element("result").hidden = false;
  element("outcome").textContent = text("outcomes")[verdict.outcome];
  element("outcome").className = verdict.outcome;
  element("summary").textContent = text("summary", {
    passed: number("pass"),
    failed: number("fail"),
    skipped: number("skipped"),
  });
  const failedFirst = verdict.checks.toSorted((one, other) => (other.result === "fail") - (one.result === "fail"));
  element("checks").replaceChildren(...failedFirst.map(row));
}

function row(check) {
  const item = document.createElement("li");
  item.dataset.check = check.name;
  item.dataset.result = check.result;
  const verdict = document.createElement("span");
  verdict.className = `verdict ${check.result}`;
  verdict.textContent = text(check.result);
  const told = document.createElement("div");
  told.append(paragraph(text("checks")[check.name] ?? check.name));
  if (check.detail) told.append(paragraph(translated(check.detail, text("details")), check.result));
  const name = document.createElement("code");
  name.textContent = check.name;
  told.append(name);
  item.append(verdict, told);
  return item;
}

function paragraph(sentence, className = "") {
  const node = document.createElement("p");
  node.textContent = sentence;
  node.className = className;
  return node;
}

function complain(sentence) {
  element("result").hidden = false;
  element("outcome").textContent = sentence;
  element("outcome").className = "fail";
  element("summary").textContent = "";
  element("checks").replaceChildren();
}

// What was pasted outlives a change of the language, which loads the page anew, and nothing else.
function keep() {
  const given = Object.fromEntries(GIVEN.map((name) => [name, element(name).value]));
  const shown = element("checks").children.length > 0;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ given, shown, open: document.querySelector("details").open }));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // more than a browser keeps, or it keeps nothing
  }
}

// What was kept, once.
function taken() {
  try {
    const kept = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    return kept && JSON.parse(kept);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return null;
  }
}

async function restore({ given, shown, open }) {
  for (const [name, value] of Object.entries(given)) element(name).value = value;
  document.querySelector("details").open = open;
  if (shown) await judge();
}

async function check() {
  await judge();
  element("outcome").focus();
}

async function judge() {
  const given = {
    keys: element("keys").value || null,
    request: element("request").value || null,
    salt: element("salt").value.trim() || null,
  };
  if (given.keys && !trustFrom(given.keys)) {
    complain(text("noKeys"));
    return;
  }
  try {
    show(await verify(element("bundle").value, given));
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    complain(text("noEd25519"));
  }
}

async function fetched(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error((await answer.json()).error?.message ?? answer.statusText);
  return answer.text();
}

async function fetchInto(field, path) {
  try {
    element(field).value = await fetched(path);
    return true;
  } catch (error) {
    complain(text("notFetched") + error.message);
    return false;
  }
}

async function fetchBundle(id) {
  if (!(await fetchInto("bundle", `/v1/vaas/${encodeURIComponent(id)}/bundle`))) return;
  if (!element("keys").value) await fetchInto("keys", "/v1/vaas/pubkey/current");
  await check();
}

async function take(file) {
  if (!file) return;
  element("bundle").value = await file.text();
  await check();
}

function listen() {
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    check();
  });
  element("file").addEventListener("change", (event) => take(event.target.files[0]));
  element("fetch").addEventListener("click", () => fetchBundle(element("record").value.trim()));
  element("own-keys").addEventListener("click", () => fetchInto("keys", "/v1/vaas/pubkey/current"));
  for (const link of document.querySelectorAll(".languages a")) link.addEventListener("click", keep);
  const field = element("bundle");
  field.addEventListener("dragover", (event) => {
    event.preventDefault();
    field.classList.add("over");
  });
  field.addEventListener("dragleave", () => field.classList.remove("over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    field.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
}

listen();
const kept = taken();
const asked = new URLSearchParams(location.search).get("id");
if (kept) {
  restore(kept);
} else if (asked) {
  element("record").value = asked;
  fetchBundle(asked);
}
