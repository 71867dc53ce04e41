// Prompts with their versions, what replays found, and the experiments that promote.

import { make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { badge, count, empty, heading, mono, problem, table, took } from "./format.js";

export async function prompts({ signal, again }) {
  const [registry, regressions, experiments] = await Promise.all(["prompts", "prompt-regressions", "experiments"].map((name) => ask(`/v1/${name}`, { signal })));
  const outcome = make("div", { "aria-live": "polite" });
  const top = heading(text("sectionNames").prompts, text("promptsLead"));
  return [
    top,
    outcome,
    ...(registry.items.length ? registry.items.map((item) => promptCard(item, outcome, again)) : [empty(text("noPrompts"), text("noPromptsHow"))]),
    make("h2", {}, text("regressions")),
    regressions.items.length ? regressionTable(regressions.items) : empty(text("noRegressions"), text("noRegressionsHow")),
    make("h2", {}, text("experiments")),
    experiments.items.length ? experimentTable(experiments.items) : empty(text("noExperiments"), text("noExperimentsHow")),
  ];
}

function promptCard(item, outcome, again) {
  const id = encodeURIComponent(item.registry_id);
  const act = (path, body) => async () => {
    try {
      await ask(`/v1/prompts/${id}/${path}`, { method: "POST", body });
      await again();
    } catch (error) {
      outcome.replaceChildren(problem(error));
    }
  };
  const back = make("button", { type: "button", class: "small", onclick: act("rollback", {}) }, text("rollBack"));
  const rows = item.versions.map((version) => [
    mono(version.version_id),
    badge(version.status),
    count(version.total_runs),
    version.version_id === item.promoted_version_id ? "" : make("button", { type: "button", class: "small", "aria-label": `${text("promote")}: ${version.version_id}`, onclick: act("promote", { version: version.version_id.split("@").pop() }) }, text("promote")),
  ]);
  return make("section", { class: "card" }, make("div", { class: "row between" }, make("h2", {}, item.display_name), item.promoted_version_id && back), table(item.display_name, [[text("version"), ""], [text("status"), ""], [text("runs"), "number"], [text("actions"), "actions"]], rows));
}

function regressionTable(items) {
  const columns = [[text("prompt"), ""], [text("candidate"), ""], [text("status"), ""], [text("passedOf"), "number"], [text("similarity"), "number"], [text("latency"), "number"]];
  return table(text("regressions"), columns, items.map((item) => [item.registry_id, between(item), badge(item.status), item.sample_count ? `${count(item.pass_count)} / ${count(item.sample_count)}` : "–", item.avg_similarity?.toFixed?.(3) ?? "–", latency(item)]));
}

// The versions without the name of the prompt, which stands beside them.
function between(item) {
  const label = (id) => mono(id.split("@").pop());
  return [label(item.baseline_prompt_version_id), " → ", label(item.candidate_prompt_version_id)];
}

function verdict(item) {
  if (!item.verdict) return "–";
  const outcomes = item.arms.reduce((sum, arm) => sum + arm.outcomes, 0);
  return `${text("verdicts")[item.verdict.decision] ?? item.verdict.decision} (${text("outcomes", { outcomes: count(outcomes) })})`;
}

function latency(item) {
  if (typeof item.baseline_avg_latency_ms !== "number") return "–";
  const known = (value) => (typeof value === "number" ? took(value) : "–");
  return `${known(item.baseline_avg_latency_ms)} → ${known(item.candidate_avg_latency_ms)}`;
}

function experimentTable(items) {
  const columns = [[text("prompt"), ""], [text("experiment"), ""], [text("candidate"), ""], [text("status"), ""], [text("promotion"), ""], [text("verdict"), ""], [text("passRate"), "number"]];
  return table(text("experiments"), columns, items.map((item) => [item.registry_id, text("kinds")[item.kind] ?? item.kind, between(item), badge(item.status), badge(item.promotion_status), verdict(item), typeof item.pass_rate === "number" ? `${Math.round(item.pass_rate * 100)} %` : "–"]));
}
