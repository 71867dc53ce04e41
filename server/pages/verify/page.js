// The page: takes a bundle in, shows each check with what it means.

import { verify } from "./checks.js";
import { TEXTS } from "./texts.js";

const element = (id) => document.getElementById(id);
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let shown = null;

function speak() {
  const texts = TEXTS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = texts.title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = texts[node.dataset.text];
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  if (shown) show(shown);
}

function show(verdict) {
  shown = verdict;
  const texts = TEXTS[language];
  const number = (result) => verdict.checks.filter((check) => check.result === result).length;
  element("result").hidden = false;
  element("outcome").textContent = texts.outcomes[verdict.outcome];
  element("outcome").className = verdict.outcome;
  element("summary").textContent = texts.summary(number("pass"), number("fail"), number("skipped"));
  element("checks").replaceChildren(...verdict.checks.map((check) => row(check, texts)));
}

function row(check, texts) {
  const item = document.createElement("li");
  item.dataset.check = check.name;
  item.dataset.result = check.result;
  const verdict = document.createElement("span");
  verdict.className = `verdict ${check.result}`;
  verdict.textContent = texts[check.result];
  const told = document.createElement("div");
  told.append(paragraph(texts.checks[check.name] ?? check.name));
  if (check.detail) told.append(paragraph(check.detail, check.result));
  const name = document.createElement("code");
  name.textContent = check.name;
  told.append(name);
  item.append(verdict, told);
  return item;
}

function paragraph(text, className = "") {
  const node = document.createElement("p");
  node.textContent = text;
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

async function check() {
  const given = {
    keys: element("keys").value || null,
    request: element("request").value || null,
    salt: element("salt").value.trim() || null,
  };
  try {
    show(await verify(element("bundle").value, given));
    element("outcome").focus();
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    complain(TEXTS[language].noEd25519);
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
    complain(TEXTS[language].notFetched + error.message);
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
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset.language;
      speak();
    });
  }
}

listen();
speak();
const asked = new URLSearchParams(location.search).get("id");
if (asked) {
  element("record").value = asked;
  fetchBundle(asked);
}
