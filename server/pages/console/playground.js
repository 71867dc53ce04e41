// A chat with a model, streamed as it is written, with the trace and the proof of each answer.

import { make, text } from "../kit/kit.js";
import { ask, events, send } from "./api.js";
import { empty, field, heading, problem, proof, trace } from "./format.js";

export async function playground({ signal }) {
  const { data } = await ask("/v1/models", { signal });
  const chats = data.filter((model) => model.modality === "chat");
  const top = heading(text("sectionNames").playground, text("playgroundLead"));
  return chats.length ? [top, ...desk(chats, signal)] : [top, empty(text("noChat"), text("noChatHow"))];
}

function desk(models, signal) {
  const said = [];
  const talk = make("div", { class: "talk", role: "log", "aria-label": text("conversation") });
  const outcome = make("div");
  const model = make("select", {}, models.map((item) => make("option", { value: item.id, disabled: !item.available }, item.id)));
  const system = make("textarea", { rows: 2, class: "words" });
  const most = make("input", { type: "number", min: 1, max: 4096, value: 128, inputmode: "numeric" });
  const words = make("textarea", { rows: 3, class: "words", placeholder: text("askSomething") });
  const submit = make("button", { type: "submit", class: "primary" }, text("send"));
  const stop = make("button", { type: "button", hidden: true }, text("stop"));
  const clear = make("button", { type: "button", class: "quiet" }, text("clear"));
  let running = null;

  const sent = async (event) => {
    event?.preventDefault();
    const question = words.value.trim();
    if (!question || running) return;
    running = new AbortController();
    const cut = AbortSignal.any ? AbortSignal.any([running.signal, signal]) : running.signal;
    outcome.replaceChildren();
    said.push({ role: "user", content: question });
    talk.append(turn("user", question));
    words.value = "";
    submit.disabled = true;
    stop.hidden = false;
    const messages = [...(system.value.trim() ? [{ role: "system", content: system.value.trim() }] : []), ...said];
    try {
      said.push({ role: "assistant", content: await answered(talk, { model: model.value, messages, max_tokens: Number(most.value) || 128, stream: true }, cut) });
    } catch (error) {
      said.pop();
      if (!cut.aborted) outcome.replaceChildren(problem(error));
    } finally {
      running = null;
      submit.disabled = false;
      stop.hidden = true;
      words.focus();
    }
  };
  stop.addEventListener("click", () => running?.abort());
  clear.addEventListener("click", () => {
    running?.abort();
    said.length = 0;
    talk.replaceChildren();
  });
  words.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && sent());
  const form = make(
    "form",
    { class: "card", onsubmit: sent },
    make("div", { class: "fields" }, field("play-model", text("model"), model), field("play-most", text("mostTokens"), most)),
    field("play-system", text("system"), system, text("optional")),
    field("play-words", text("message"), words, text("sendHint")),
    make("div", { class: "row" }, submit, stop, clear),
  );
  return [talk, outcome, form];
}

async function answered(talk, body, signal) {
  const answer = await send("/v1/chat/completions", { method: "POST", body, signal, accept: "text/event-stream" });
  const words = make("span", {});
  const shown = turn(body.model, words);
  talk.append(shown);
  let whole = "";
  let record = null;
  for await (const event of events(answer)) {
    if (event.data === "[DONE]") break;
    const chunk = JSON.parse(event.data);
    if (chunk.error) throw Object.assign(new Error(chunk.error.message), { resolution: chunk.error.resolution });
    whole += chunk.choices?.[0]?.delta?.content ?? "";
    words.textContent = whole;
    record = chunk.vaas?.record_id ?? record;
  }
  const traceId = (answer.headers.get("traceparent") ?? "").split("-")[1];
  shown.append(make("span", { class: "proof" }, traceId && trace(traceId, text("openTrace")), record && proof(record, text("openProof"))));
  return whole;
}

function turn(from, words) {
  return make("div", { class: from === "user" ? "turn user" : "turn" }, make("span", { class: "from" }, from === "user" ? text("you") : from), words);
}
