// Calls of this server with the key of the tab, and streams of events read with that key in a header.

import { text } from "../kit/kit.js";

const KEPT = "batchin_key";

export class ApiError extends Error {
  constructor(status, told, fallback) {
    super(told?.message ?? fallback);
    this.status = status;
    this.code = told?.code ?? "";
    this.resolution = told?.resolution ?? "";
  }
}

// The key lives in this tab: closing it forgets the key.
export const session = {
  key: () => sessionStorage.getItem(KEPT) ?? "",
  begin: (key) => sessionStorage.setItem(KEPT, key),
  end: () => sessionStorage.removeItem(KEPT),
};

export async function send(path, { method = "GET", body, signal, accept = "application/json" } = {}) {
  const headers = { authorization: `Bearer ${session.key()}`, accept };
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await reached(path, { method, headers, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  const error = new ApiError(answer.status, told?.error, `${answer.status} ${answer.statusText}`);
  if (answer.status === 401) dispatchEvent(new CustomEvent("signed-out", { detail: error }));
  throw error;
}

// What browsers say of a network that fails helps nobody.
async function reached(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, { message: text("unreachable"), resolution: text("unreachableHow") });
  }
}

export async function ask(path, options) {
  const answer = await send(path, options);
  return answer.status === 204 ? null : answer.json();
}

// The events of a stream as {name, data}, up to its end (WHATWG HTML section 9.2.6, as far as we write it).
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      held += value.replaceAll("\r\n", "\n");
      const parts = held.split("\n\n");
      held = parts.pop();
      for (const part of parts) {
        const event = parsed(part);
        if (event.data) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const event = { name: "message", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event.name = line.slice(6).trim();
    if (line.startsWith("data:")) event.data += line.slice(5).trim();
  }
  return event;
}
