// API keys: made, shown once, limited, ended.

import { copyButton, make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { badge, empty, field, heading, problem, table, usd, when } from "./format.js";

export async function keys({ signal, again }) {
  const found = await ask("/v1/keys", { signal });
  const outcome = make("div", { "aria-live": "polite" });
  const shown = found.length ? keyTable(found, outcome, again) : empty(text("noKeys"), text("noKeysHow"));
  return [heading(text("sectionNames").keys, text("keysLead")), outcome, form(outcome, shown), make("h2", {}, text("yourKeys")), shown];
}

function keyTable(found, outcome, again) {
  const columns = [[text("name"), ""], [text("key"), ""], [text("status"), ""], [text("limits"), ""], [text("spentMonth"), "number"], [text("made"), "time"], [text("actions"), "actions"]];
  const rows = found.map((key) => [
    key.name || text("unnamed"),
    make("span", { class: "mono" }, `${key.key_prefix}…`),
    badge(key.is_active ? "active" : "revoked"),
    limitsOf(key),
    usd(key.spent_this_month_cents / 100),
    when(key.created_at),
    key.is_active ? revokeButton(key, outcome, again) : "",
  ]);
  return table(text("yourKeys"), columns, rows);
}

function limitsOf(key) {
  const told = [];
  if (key.rate_limit_rpm) told.push(text("rpm", { number: key.rate_limit_rpm }));
  if (key.monthly_budget_cents !== null) told.push(text("budgetOf", { amount: usd(key.monthly_budget_cents / 100) }));
  if (key.expires_at) told.push(text("until", { time: when(key.expires_at) }));
  return told.join(" · ") || text("noLimits");
}

// The first press asks, the second one ends the key.
function revokeButton(key, outcome, again) {
  const name = key.name || key.key_prefix;
  const button = make("button", { type: "button", class: "small danger", "aria-label": `${text("revoke")}: ${name}` }, text("revoke"));
  let sure = false;
  button.addEventListener("blur", () => {
    sure = false;
    button.textContent = text("revoke");
  });
  button.addEventListener("click", async () => {
    if (!sure) {
      sure = true;
      button.textContent = text("reallyRevoke");
      button.setAttribute("aria-label", `${text("reallyRevoke")}: ${name}`);
      return;
    }
    try {
      await ask(`/v1/keys/${encodeURIComponent(key.id)}`, { method: "DELETE" });
      await again();
    } catch (error) {
      outcome.replaceChildren(problem(error));
    }
  });
  return button;
}

function form(outcome, shown) {
  const name = make("input", { maxlength: 100, autocomplete: "off" });
  const rpm = make("input", { type: "number", min: 1, inputmode: "numeric" });
  const budget = make("input", { type: "number", min: 0, step: "0.01", inputmode: "decimal" });
  const submit = make("button", { type: "submit", class: "primary" }, text("createKey"));
  const made = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const body = { ...(name.value && { name: name.value }), ...(rpm.value && { rate_limit_rpm: Number(rpm.value) }), ...(budget.value && { monthly_budget_cents: Math.round(Number(budget.value) * 100) }) };
      const key = await ask("/v1/keys", { method: "POST", body });
      outcome.replaceChildren(secret(key));
      event.target.reset();
      const fresh = await ask("/v1/keys");
      shown.replaceWith((shown = keyTable(fresh, outcome, () => location.reload())));
    } catch (error) {
      outcome.replaceChildren(problem(error));
    } finally {
      submit.disabled = false;
    }
  };
  return make(
    "form",
    { class: "card", onsubmit: made },
    make("h2", {}, text("newKey")),
    make("div", { class: "fields" }, field("key-name", text("name"), name, text("optional")), field("key-rpm", text("rpmLabel"), rpm, text("optional")), field("key-budget", text("budgetLabel"), budget, text("optional"))),
    submit,
  );
}

function secret(key) {
  const value = make("code", { id: "new-key" }, key.key);
  return make("div", { class: "note good" }, make("p", {}, make("strong", {}, text("keyMade")), " ", text("keyOnce")), make("div", { class: "secret" }, value, copyButton(key.key)));
}
