// Batches with their progress as it happens, their tasks, and a form that makes one.

import { make, text } from "../kit/kit.js";
import { ask, events, send } from "./api.js";
import { badge, count, empty, facts, field, heading, mono, problem, table, usd, when } from "./format.js";

const ENDED = new Set(["completed", "failed", "expired", "cancelled"]);
const FOLLOWED = 4;
const RESULT_SHOWN = 2000;

export async function batches({ id, signal, again }) {
  if (id) return one(await ask(`/v1/batches/${encodeURIComponent(id)}`, { signal }), signal, again);
  const [found, models] = await Promise.all([ask("/v1/batches", { signal }), ask("/v1/models", { signal })]);
  const chats = models.data.filter((model) => model.modality === "chat");
  const list = found.length ? listed(found, signal) : empty(text("noBatches"), text("noBatchesHow"));
  return [heading(text("sectionNames").batches, text("batchesLead")), list, make("h2", {}, text("newBatch")), form(chats)];
}

function listed(found, signal) {
  const columns = [[text("batch"), ""], [text("status"), ""], [text("progress"), "tight"], [text("priority"), ""], [text("cost"), "number"], [text("made"), "time"]];
  const rows = found.map((batch) => {
    const parts = { status: make("span", {}), progress: make("div", {}), cost: make("span", {}) };
    paint(parts, batch);
    return { batch, parts };
  });
  for (const { batch, parts } of rows.filter((row) => !ENDED.has(row.batch.status)).slice(0, FOLLOWED)) follow(batch.id, signal, (now) => paint(parts, now));
  const cells = rows.map(({ batch, parts }) => [
    make("a", { href: `#/batches/${encodeURIComponent(batch.id)}`, class: "mono", title: batch.id }, `…${batch.id.slice(-12)}`),
    parts.status,
    parts.progress,
    text("priorities")[batch.priority] ?? batch.priority,
    parts.cost,
    when(batch.created_at * 1000),
  ]);
  return table(text("sectionNames").batches, columns, cells);
}

function paint(parts, batch) {
  const done = batch.completed_tasks + batch.failed_tasks;
  const label = text("doneOf", { done: count(done), total: count(batch.total_tasks) });
  const failed = batch.failed_tasks ? ` · ${text("failedTasks", { failed: count(batch.failed_tasks) })}` : "";
  parts.status.replaceChildren(badge(batch.status));
  parts.progress.replaceChildren(make("progress", { max: Math.max(1, batch.total_tasks), value: done, "aria-label": label }), make("span", { class: "soft small-text" }, label + failed));
  parts.cost.textContent = usd(batch.cost_usd ?? 0);
}

// Tells of each state of a batch until it has ended or the reader left.
async function follow(id, signal, tell) {
  try {
    const answer = await send(`/v1/batches/${encodeURIComponent(id)}/events`, { signal, accept: "text/event-stream" });
    for await (const event of events(answer)) tell(JSON.parse(event.data));
  } catch (error) {
    if (!signal.aborted) console.warn(error);
  }
}

function one(batch, signal, again) {
  const parts = { status: make("span", {}), progress: make("div", {}), cost: make("span", {}) };
  const outcome = make("div", { "aria-live": "polite" });
  const cancel = make("button", { type: "button", class: "danger", hidden: ENDED.has(batch.status) }, text("cancel"));
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      await ask(`/v1/batches/${encodeURIComponent(batch.id)}/cancel`, { method: "POST" });
      await again();
    } catch (error) {
      cancel.disabled = false;
      outcome.replaceChildren(problem(error));
    }
  });
  paint(parts, batch);
  if (!ENDED.has(batch.status)) follow(batch.id, signal, (now) => (paint(parts, now), ENDED.has(now.status) && again()));
  const pairs = [[text("batch"), mono(batch.id)], [text("status"), parts.status], [text("priority"), text("priorities")[batch.priority] ?? batch.priority], [text("cost"), parts.cost], [text("made"), when(batch.created_at * 1000)]];
  return [
    make("a", { class: "back", href: "#/batches" }, `← ${text("sectionNames").batches}`),
    heading(text("batch"), "", cancel),
    outcome,
    make("section", { class: "card" }, facts(pairs), make("div", { class: "field" }, parts.progress)),
    batch.tasks?.length ? [make("h2", {}, text("tasks")), taskTable(batch.tasks)] : null,
  ].flat().filter(Boolean);
}

function taskTable(tasks) {
  const rows = tasks.map((task) => [mono(task.custom_id), badge(task.status), result(task)]);
  return table(text("tasks"), [[text("task"), ""], [text("status"), ""], [text("result"), ""]], rows);
}

function result(task) {
  const told = task.error?.message ?? task.result?.choices?.[0]?.message?.content ?? (task.result ? JSON.stringify(task.result) : "–");
  return make("span", { class: task.error ? "fail" : "" }, String(told).slice(0, RESULT_SHOWN));
}

function form(models) {
  const model = make("select", {}, models.map((item) => make("option", { value: item.id }, item.id)));
  const priority = make("select", {}, Object.entries(text("priorities")).map(([value, name]) => make("option", { value, selected: value === "low" }, name)));
  const lines = make("textarea", { rows: 4, class: "words" });
  const outcome = make("div", { "aria-live": "polite" });
  const submit = make("button", { type: "submit", class: "primary" }, text("startBatch"));
  const sent = async (event) => {
    event.preventDefault();
    const asked = lines.value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!asked.length) return outcome.replaceChildren(problem(new Error(text("giveLines"))));
    submit.disabled = true;
    const tasks = asked.map((content, at) => ({ custom_id: `line-${at + 1}`, model: model.value, request_body: { model: model.value, messages: [{ role: "user", content }], max_tokens: 64 } }));
    try {
      const made = await ask("/v1/batches", { method: "POST", body: { tasks, priority: priority.value } });
      location.hash = `#/batches/${encodeURIComponent(made.id)}`;
    } catch (error) {
      outcome.replaceChildren(problem(error));
    } finally {
      submit.disabled = false;
    }
  };
  return make("form", { class: "card", onsubmit: sent }, make("div", { class: "fields" }, field("batch-model", text("model"), model), field("batch-priority", text("priority"), priority)), field("batch-lines", text("lines"), lines, text("linesHint")), outcome, submit);
}
