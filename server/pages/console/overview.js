// What there is to spend, what was spent, and the newest calls.

import { barChart } from "../kit/chart.js";
import { make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { count, empty, heading, took, usd } from "./format.js";
import { spendByDay } from "./usage.js";
import { traceTable } from "./traces.js";

const DAYS = 14;
const NEWEST = 8;

export async function overview({ signal }) {
  const [me, days, traces] = await Promise.all([
    ask("/v1/users/me", { signal }),
    spendByDay(DAYS, signal),
    ask(`/v1/traces?limit=${NEWEST}`, { signal }),
  ]);
  const spent = days.reduce((sum, day) => sum + day.value, 0);
  const calls = days.reduce((sum, day) => sum + day.calls, 0);
  const times = traces.items.map((item) => item.duration_ms).sort((a, b) => a - b);
  const cards = make(
    "div",
    { class: "cards four" },
    card(text("balance"), usd(me.credit_balance_usd), text("held", { amount: usd(me.held_usd) })),
    card(text("spent"), usd(spent), text("lastDays", { days: DAYS })),
    card(text("calls"), count(calls), text("lastDays", { days: DAYS })),
    card(text("median"), times.length ? took(times[Math.floor(times.length / 2)]) : "–", text("newestCalls", { calls: times.length })),
  );
  const chart = make("section", { class: "card" }, make("h2", {}, text("spendByDay")), barChart(text("spendByDay"), days, usd, [text("day"), text("cost")]));
  const newest = traces.items.length
    ? traceTable(traces.items)
    : empty(text("noCalls"), text("noCallsHow"), make("a", { class: "button primary", href: "#/playground" }, text("makeCall")));
  return [heading(text("sectionNames").overview, me.name || me.email), cards, chart, make("h2", {}, text("newest")), newest];
}

function card(name, value, note) {
  return make("div", { class: "card" }, make("span", { class: "figure" }, name), make("strong", {}, value), make("span", { class: "figure" }, note));
}
