// The search: an index made by the server, looked through here. Loaded when the field is first used.

import { text } from "../kit/kit.js";

const field = document.getElementById("search");
const list = document.getElementById("found");
const MOST = 12;
let rows = null;
let chosen = -1;

async function load() {
  const found = await (await fetch("/docs/search.json")).json();
  rows = found.map((row) => ({ ...row, title: row.t.toLowerCase(), all: `${row.t} ${row.p} ${row.x}`.toLowerCase() }));
}

function score(row, terms) {
  let total = 0;
  for (const term of terms) {
    if (!row.all.includes(term)) return 0;
    total += row.title === term ? 8 : row.title.startsWith(term) ? 5 : row.title.includes(term) ? 3 : 1;
  }
  return total;
}

function option(row, at) {
  const item = document.createElement("li");
  item.id = `found-${at}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.dataset.to = row.u;
  item.textContent = row.t;
  const about = document.createElement("small");
  about.textContent = `${row.p} · ${row.x}`.slice(0, 130);
  item.append(about);
  item.addEventListener("mousedown", (event) => {
    event.preventDefault();
    go(row.u);
  });
  return item;
}

function go(address) {
  close();
  location.href = address;
}

function close() {
  list.hidden = true;
  chosen = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

async function look() {
  const terms = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!terms.length) return close();
  if (!rows) await load();
  const best = rows
    .map((row) => [score(row, terms), row])
    .filter(([points]) => points)
    .sort((one, other) => other[0] - one[0])
    .slice(0, MOST)
    .map(([, row]) => row);
  const none = document.createElement("li");
  none.setAttribute("role", "option");
  none.setAttribute("aria-selected", "false");
  none.textContent = text("nothing");
  list.replaceChildren(...(best.length ? best.map(option) : [none]));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  choose(best.length ? 0 : -1);
}

function choose(at) {
  const items = [...list.children];
  chosen = at;
  items.forEach((item, other) => item.setAttribute("aria-selected", String(other === at)));
  if (at < 0) return;
  field.setAttribute("aria-activedescendant", items[at].id);
  items[at].scrollIntoView({ block: "nearest" });
}

field.addEventListener("input", look);
field.addEventListener("blur", close);
field.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return close();
  if (list.hidden) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && chosen >= 0) {
    event.preventDefault();
    choose((chosen + step + list.children.length) % list.children.length);
  }
  if (event.key === "Enter" && chosen >= 0) go(list.children[chosen].dataset.to);
});
if (field.value) look();
