// The console: who is signed in, which section is shown, and news that redraw it.

import { make, text } from "../kit/kit.js";
import { ask, events, send, session } from "./api.js";
import { problem } from "./format.js";
import { batches } from "./batches.js";
import { keys } from "./keys.js";
import { models } from "./models.js";
import { overview } from "./overview.js";
import { payments } from "./payments.js";
import { playground } from "./playground.js";
import { prompts } from "./prompts.js";
import { traces } from "./traces.js";
import { usage } from "./usage.js";

const SECTIONS = { overview, playground, traces, usage, batches, keys, payments, models, prompts };
const LIVE = new Set(["overview", "traces", "usage", "batches"]);
const AGAIN_MS = 3000;

const element = (id) => document.getElementById(id);
let leaving = new AbortController();
let listening = null;

function place() {
  const [, name, ...rest] = location.hash.split("/");
  return { name: Object.hasOwn(SECTIONS, name ?? "") ? name : "overview", id: decoded(rest.join("/")) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

// Draws the section of the address. `quietly` keeps what is shown until the new state is there.
async function show(quietly = false) {
  const { name, id } = place();
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  mark(name);
  const view = element("view");
  if (!quietly) view.replaceChildren(make("div", { class: "loading", role: "status", "aria-label": text("loading") }));
  try {
    const drawn = await SECTIONS[name]({ id, signal, again: () => show(true) });
    if (signal.aborted) return;
    const kept = quietly ? habits(view) : null;
    view.replaceChildren(...[drawn].flat());
    if (kept) restore(view, kept);
    else view.focus({ preventScroll: true });
  } catch (error) {
    if (signal.aborted || error.status === 401) return;
    const retry = make("button", { type: "button", onclick: () => show() }, text("retry"));
    view.replaceChildren(make("h1", {}, text("sectionNames")[name]), problem(error), retry);
  }
}

function mark(name) {
  for (const link of document.querySelectorAll("#sections a")) {
    if (link.dataset.section === name) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${text("sectionNames")[name]} · ${text("title")} · batchin`;
}

// What the reader opened and stands on, so that news take nothing from under the hands.
function habits(view) {
  const open = [...view.querySelectorAll("details")].map((node) => node.open);
  const href = view.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  return { open, href };
}

function restore(view, { open, href }) {
  [...view.querySelectorAll("details")].forEach((node, at) => (node.open = open[at] ?? node.open));
  if (href) [...view.querySelectorAll("a")].find((link) => link.getAttribute("href") === href)?.focus({ preventScroll: true });
}

function isTyping() {
  const active = document.activeElement;
  return element("view").contains(active) && active.matches("input, textarea, select, button");
}

async function listen() {
  const mine = (listening = new AbortController());
  while (!mine.signal.aborted) {
    try {
      const answer = await send("/console/events", { signal: mine.signal, accept: "text/event-stream" });
      told(true);
      for await (const event of events(answer)) {
        if (event.name === "calls" && LIVE.has(place().name) && !isTyping()) await show(true);
      }
    } catch (error) {
      if (error.status === 401 || mine.signal.aborted) return;
    }
    told(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function told(live) {
  element("live").textContent = text(live ? "live" : "notLive");
  element("live").className = live ? "badge good" : "badge";
}

async function enter() {
  element("sign-in").hidden = true;
  element("app").hidden = false;
  told(false);
  if (!location.hash) history.replaceState(null, "", "#/overview");
  await show();
  listen();
}

function leave(sentence = "") {
  session.end();
  listening?.abort();
  leaving.abort();
  element("view").replaceChildren();
  element("app").hidden = true;
  element("sign-in").hidden = false;
  element("sign-in-problem").hidden = !sentence;
  element("sign-in-problem").textContent = sentence;
  element("key").value = "";
  element("key").focus();
}

async function signIn(event) {
  event.preventDefault();
  const key = element("key").value.trim();
  if (!key) return leave(text("giveKey"));
  session.begin(key);
  try {
    await ask("/v1/users/me");
  } catch (error) {
    return leave(`${error.message} ${error.resolution ?? ""}`);
  }
  element("key").value = "";
  return enter();
}

for (const [name, label] of Object.entries(text("sectionNames"))) {
  element("sections").append(make("a", { href: `#/${name}`, "data-section": name }, label));
}
element("sign-in-form").addEventListener("submit", signIn);
element("sign-out").addEventListener("click", () => {
  leave();
  history.replaceState(null, "", location.pathname);
});
addEventListener("signed-out", (event) => element("app").hidden || leave(event.detail.message));
addEventListener("offline", () => element("app").hidden || told(false));
addEventListener("online", () => {
  if (element("app").hidden) return;
  listening?.abort();
  listen();
});
addEventListener("hashchange", () => element("app").hidden || show());
if (session.key()) enter();
else leave();
