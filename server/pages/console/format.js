// Figures, times and small parts that several views show.

import { locale, make, text } from "../kit/kit.js";

const whole = new Intl.NumberFormat(locale);
const clock = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: "UTC" });

export const count = (value) => whole.format(value ?? 0);
export const when = (value) => (value === null || value === undefined ? "–" : clock.format(new Date(value)));
export const dayName = (iso) => day.format(new Date(`${iso}T00:00:00Z`));

// A decimal string of USD with as many places as it needs to say something, two at least.
export function usd(value) {
  const amount = Number(value);
  const small = amount !== 0 && Math.abs(amount) < 0.01;
  const places = small ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 4 };
  return `$${new Intl.NumberFormat("en-US", places).format(amount)}`;
}

export function took(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

const LOOKS = {
  completed: "good", passed: "good", promoted: "good", active: "good", always_on: "good", credited: "good", paid: "good", ready: "good",
  unpaid: "bad", incomplete: "warn", superseded: "warn", queued: "busy", replaying: "busy", comparing: "busy",
  failed: "bad", expired: "bad", cancelled: "warn", partial: "warn", unavailable: "bad", revoked: "bad", rejected: "bad",
  pending: "busy", running: "busy", in_progress: "busy", validating: "busy", finalizing: "busy", cancelling: "warn", on_demand: "busy",
};

export function badge(status) {
  const told = text("statuses")[status] ?? status;
  return make("span", { class: `badge ${Object.hasOwn(LOOKS, status) ? LOOKS[status] : ""}` }, told);
}

export const mono = (value) => make("span", { class: "mono" }, value);
export const trace = (id, label = null) => make("a", { href: `#/traces/${encodeURIComponent(id)}`, class: label ? null : "mono", title: id }, label ?? id.slice(0, 12));
export const proof = (recordId, label = text("proof")) => make("a", { href: `/verify?id=${encodeURIComponent(recordId)}` }, label);

export function heading(title, lead, ...actions) {
  const told = make("div", {}, make("h1", {}, title), lead && make("p", { class: "soft" }, lead));
  return make("div", { class: "head" }, told, make("div", { class: "row" }, actions));
}

export function empty(title, sentence, ...more) {
  return make("div", { class: "empty" }, make("strong", {}, title), make("p", {}, sentence), more);
}

const MOST_BESIDE = 3;

// `columns` are [name, kind]: a kind is a class of the column's cells. Rows are lists of nodes or texts.
// `look` is a class of the whole; tables of many columns are stacked on a phone. Roles are said, for what
// is laid out otherwise stays a table.
export function table(caption, columns, rows, look = columns.length > MOST_BESIDE ? "stacked" : "") {
  const head = columns.map(([name, kind]) => make("th", { scope: "col", role: "columnheader", class: kind }, name));
  const cellOf = (cell, at) => make("td", { role: "cell", class: columns[at][1], "data-label": columns[at][0] }, make("div", { class: "cell" }, cell));
  const body = rows.map((cells) => make("tr", { role: "row" }, cells.map(cellOf)));
  const inside = make("table", { role: "table" }, make("caption", { class: "hidden" }, caption), make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, head)), make("tbody", { role: "rowgroup" }, body));
  return make("div", { class: `table ${look}`, role: "region", "aria-label": caption, tabindex: 0 }, inside);
}

export function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

export function field(id, label, input, hint = "") {
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return make("div", { class: "field" }, make("label", { for: id }, label), input, hint && make("p", { class: "hint", id: `${id}-hint` }, hint));
}

export function problem(error) {
  return make("div", { class: "note bad", role: "alert" }, make("strong", {}, error.message), error.resolution ? ` ${error.resolution}` : "");
}
