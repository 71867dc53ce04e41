// What can be called, what it costs and whether it would be taken now.

import { make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { badge, count, empty, heading, mono, table, usd } from "./format.js";

export async function models({ signal }) {
  const { data } = await ask("/v1/models", { signal });
  const top = heading(text("sectionNames").models, text("modelsLead"));
  if (!data.length) return [top, empty(text("noModels"), text("noModelsHow"))];
  const columns = [[text("model"), ""], [text("kind"), ""], [text("status"), ""], [text("context"), "number"], [text("price"), "wide"], [text("license"), ""]];
  const rows = data.map((model) => [
    [mono(model.id), model.served_by !== model.id ? make("div", { class: "soft small-text" }, text("servedBy", { model: model.served_by })) : null],
    model.modality,
    badge(model.status),
    model.context_length ? count(model.context_length) : "–",
    priceOf(model.pricing),
    model.license,
  ]);
  return [top, table(text("sectionNames").models, columns, rows)];
}

function priceOf(pricing) {
  const told = [];
  if (Number(pricing.std_input_usd) || Number(pricing.std_output_usd)) told.push(text("perTokens", { input: usd(pricing.std_input_usd), output: usd(pricing.std_output_usd) }));
  for (const [unit, price] of Object.entries(pricing.other_usd ?? {})) told.push(`${usd(price)} / ${text("units")[unit] ?? unit}`);
  return told.join(" · ") || text("free");
}
