// The calls of the account, and one trace as a waterfall with the proof of each of its records.

import { draw, make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { badge, count, empty, facts, heading, mono, proof, table, took, trace, usd, when } from "./format.js";

const LISTED = 50;
const WIDE = 1000;
const MOST_DEEP = 4;
const FIRST_BARS = 200;
const FRESH_MS = 60000;
const AGAIN_MS = 1500;

export async function traces({ id, signal, again }) {
  if (id) return opened(id, signal, again);
  const { items } = await ask(`/v1/traces?limit=${LISTED}`, { signal });
  const top = heading(text("sectionNames").traces, text("tracesLead"));
  if (items.length) return [top, traceTable(items)];
  return [top, empty(text("noCalls"), text("noCallsHow"), make("a", { class: "button primary", href: "#/playground" }, text("makeCall")))];
}

export function traceTable(items) {
  const columns = [[text("call"), ""], [text("status"), ""], [text("tokens"), "number"], [text("cost"), "number"], [text("time"), "number"], [text("began"), "time"], [text("record"), ""]];
  const rows = items.map((item) => [
    [trace(item.customer_trace_id, item.tool), make("span", { class: "mono soft model", title: item.model_id }, item.model_id)],
    badge(item.status),
    `${count(item.input_tokens)} → ${count(item.output_tokens)}`,
    usd(item.cost_usd),
    took(item.duration_ms),
    when(item.started_at_ms),
    item.record_id ? proof(item.record_id) : "–",
  ]);
  return table(text("sectionNames").traces, columns, rows, "calls");
}

// The steps of a call are written a moment after it: a call that is younger is looked at again.
async function opened(id, signal, again) {
  const found = await ask(`/v1/traces/${encodeURIComponent(id)}`, { signal });
  const own = (found.spans ?? []).some((span) => span.source === "batchin");
  if (!own && Math.abs(Date.now() - found.started_at_ms - found.duration_ms) < FRESH_MS) {
    const timer = setTimeout(again, AGAIN_MS);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }
  return one(found);
}

function one(found) {
  const runs = found.runs ?? [];
  const bars = found.spans?.length ? found.spans.map(barOfSpan) : barsOfRuns(runs);
  const told = [[text("trace"), mono(found.customer_trace_id ?? "")], [text("began"), when(found.started_at_ms)], [text("cost"), usd(runs.reduce((sum, run) => sum + Number(run.cost_usd), 0))], [text("runs"), count(runs.length)]];
  return [
    make("a", { class: "back", href: "#/traces" }, `← ${text("sectionNames").traces}`),
    heading(text("trace")),
    make("section", { class: "card" }, facts(told)),
    make("section", { class: "card" }, make("h2", {}, text("waterfall")), waterfall(bars), found.spans_left_out ? make("p", { class: "soft" }, text("leftOut", { spans: found.spans_left_out })) : null),
    make("h2", {}, text("records")),
    runs.map(runCard),
    found.runs_left_out ? make("p", { class: "soft" }, text("runsLeftOut", { runs: found.runs_left_out })) : null,
  ]
    .flat()
    .filter(Boolean);
}

function runCard(run) {
  const pairs = [
    [text("model"), run.served_model && run.served_model !== run.model_id ? `${run.model_id} (${run.served_model})` : run.model_id],
    [text("tokens"), `${count(run.input_tokens)} → ${count(run.output_tokens)}`],
    [text("cost"), usd(run.cost_usd)],
    [text("time"), took(run.duration_ms)],
    [text("prompt"), run.prompt_version_id],
    [text("rail"), run.rail],
    [text("run"), mono(run.run_id)],
    [text("record"), mono(run.record_id)],
  ];
  const open = make("a", { class: "button", href: `/verify?id=${encodeURIComponent(run.record_id)}` }, text("openProof"));
  return make("section", { class: "card" }, make("div", { class: "row between" }, make("h2", {}, run.tool, " ", badge(run.status)), open), facts(pairs));
}

function barOfSpan(span) {
  const told = [...Object.entries(span.attributes ?? {})].map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
  if (span.status_message) told.unshift([text("status"), span.status_message]);
  for (const event of span.events ?? []) told.push([text("event"), event.name]);
  return {
    id: span.span_id,
    parent: span.parent_span_id,
    name: span.name,
    from: span.offset_us / 1000,
    took: span.duration_us / 1000,
    look: span.status === "error" ? "failed" : span.source === "otlp" ? "theirs" : "",
    facts: [...(span.service ? [[text("service"), span.service]] : []), ...told],
  };
}

function barsOfRuns(runs) {
  const zero = Math.min(...runs.map((run) => run.started_at_ms));
  return runs.map((run) => ({ id: run.run_id, parent: null, name: `${run.tool} ${run.model_id}`, from: run.started_at_ms - zero, took: run.duration_ms, look: "", facts: [] }));
}

// Bars in the order of the tree, each at its time; a loop of parents ends at the spans that were shown.
function waterfall(bars) {
  const end = Math.max(0.001, ...bars.map((bar) => bar.from + bar.took));
  const known = new Set(bars.map((bar) => bar.id));
  const below = Map.groupBy ? Map.groupBy(bars, (bar) => bar.parent) : grouped(bars);
  const rows = [];
  const seen = new Set();
  const walk = (bar, deep) => {
    if (seen.has(bar.id)) return;
    seen.add(bar.id);
    rows.push(barRow(bar, deep, end));
    for (const child of below.get(bar.id) ?? []) walk(child, deep + 1);
  };
  for (const bar of bars) if (!known.has(bar.parent)) walk(bar, 0);
  for (const bar of bars) walk(bar, 0);
  const list = make("ul", { class: "waterfall" }, rows.slice(0, FIRST_BARS));
  if (rows.length <= FIRST_BARS) return list;
  const all = () => {
    list.append(...rows.slice(FIRST_BARS));
    more.remove();
  };
  const more = make("button", { type: "button", class: "small", onclick: all }, text("allBars", { spans: count(rows.length) }));
  return make("div", {}, list, more);
}

function grouped(bars) {
  const groups = new Map();
  for (const bar of bars) groups.set(bar.parent, [...(groups.get(bar.parent) ?? []), bar]);
  return groups;
}

function barRow(bar, deep, end) {
  const mark = draw("rect", { x: (bar.from / end) * WIDE, y: 0, height: 10, width: Math.max(4, (bar.took / end) * WIDE) });
  const picture = draw("svg", { viewBox: `0 0 ${WIDE} 10`, preserveAspectRatio: "none", "aria-hidden": "true", class: bar.look }, mark);
  const summary = make("summary", {}, make("span", { class: `name deep-${Math.min(deep, MOST_DEEP)}` }, bar.name), picture, make("span", { class: "took" }, took(bar.took)));
  const inside = bar.facts.length ? facts([[text("starts"), took(bar.from)], ...bar.facts]) : facts([[text("starts"), took(bar.from)]]);
  return make("li", {}, make("details", {}, summary, inside));
}
