// Usage and spend over time, by model, tool and key.

import { barChart } from "../kit/chart.js";
import { make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { count, dayName, empty, heading, mono, table, usd } from "./format.js";

const DAYS = 30;
const DAY_S = 86400;

const startOf = (days) => (Math.floor(Date.now() / 1000 / DAY_S) - days + 1) * DAY_S;

// {label, value in USD, calls} of each of the last days (UTC), those without calls too.
export async function spendByDay(days, signal) {
  const since = startOf(days);
  const found = await ask(`/v1/usage/by-day?since=${since}`, { signal });
  const known = new Map(found.map((item) => [item.day, item]));
  return Array.from({ length: days }, (_, at) => {
    const iso = new Date((since + at * DAY_S) * 1000).toISOString().slice(0, 10);
    const item = known.get(iso);
    return { label: dayName(iso), value: Number(item?.total_cost_usd ?? 0), calls: item?.total_requests ?? 0 };
  });
}

export async function usage({ signal }) {
  const since = startOf(DAYS);
  const [days, models, tools, keys] = await Promise.all([
    spendByDay(DAYS, signal),
    ...["by-model", "by-tool", "by-api-key"].map((view) => ask(`/v1/usage/${view}?since=${since}`, { signal })),
  ]);
  const top = heading(text("sectionNames").usage, text("usageLead", { days: DAYS }));
  if (!models.length) return [top, empty(text("noUsage"), text("noUsageHow"))];
  const calls = days.map((day) => ({ label: day.label, value: day.calls }));
  return [
    top,
    make("section", { class: "card" }, make("h2", {}, text("spendByDay")), barChart(text("spendByDay"), days, usd, [text("day"), text("cost")])),
    make("section", { class: "card" }, make("h2", {}, text("callsByDay")), barChart(text("callsByDay"), calls, (value) => count(Math.round(value * 10) / 10), [text("day"), text("calls")])),
    ...part(text("byModel"), models, (item) => mono(item.model)),
    ...part(text("byTool"), tools, (item) => item.tool),
    ...part(text("byKey"), keys, (item) => [item.key_name || text("unnamed"), " ", item.key_prefix && make("span", { class: "mono soft" }, item.key_prefix)]),
  ];
}

function part(title, items, named) {
  const columns = [[title, ""], [text("calls"), "number"], [text("inputTokens"), "number"], [text("outputTokens"), "number"], [text("cost"), "number"]];
  const rows = [...items]
    .sort((a, b) => Number(b.total_cost_usd) - Number(a.total_cost_usd))
    .map((item) => [named(item), count(item.total_requests), count(item.total_input_tokens), count(item.total_output_tokens), usd(item.total_cost_usd)]);
  return [make("h2", {}, title), table(title, columns, rows)];
}
