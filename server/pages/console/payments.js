// The balance, ways to top it up, and what came in.

import { copyButton, make, text } from "../kit/kit.js";
import { ask } from "./api.js";
import { badge, count, empty, field, heading, mono, problem, table, usd, when } from "./format.js";

export async function payments({ signal }) {
  const [me, history, reserved, chains] = await Promise.all([
    ask("/v1/users/me", { signal }),
    ask("/v1/topup/history", { signal }),
    ask("/v1/reservations", { signal }),
    ask("/v1/topup/usdc/chains", { signal }).catch((error) => error),
  ]);
  const balance = make("div", { class: "card" }, make("span", { class: "figure" }, text("balance")), make("strong", {}, usd(me.credit_balance_usd)), make("span", { class: "figure" }, text("held", { amount: usd(me.held_usd) })));
  return [
    heading(text("sectionNames").payments, text("paymentsLead")),
    make("div", { class: "cards" }, balance, checkout("stripe", text("byCard"), "USD"), checkout("alipay", text("byAlipay"), "CNY")),
    ...(reserved.data.length ? [make("h2", {}, text("reservations")), reservationTable(reserved.data)] : []),
    make("h2", {}, text("byUsdc")),
    chains instanceof Error ? make("p", { class: "note" }, chains.message) : chainTable(chains.chains),
    make("h2", {}, text("history")),
    history.length ? historyTable(history) : empty(text("noHistory"), text("noHistoryHow")),
  ];
}

function checkout(rail, title, currency) {
  const amount = make("input", { type: "number", min: 1, step: "0.01", value: 20, inputmode: "decimal" });
  const outcome = make("div", { "aria-live": "polite" });
  const sent = async (event) => {
    event.preventDefault();
    try {
      const found = await ask(`/v1/topup/${rail}/checkout`, { method: "POST", body: { amount_cents: Math.round(Number(amount.value) * 100) } });
      const address = new URL(found.checkout_url, location.href);
      if (!["https:", "http:"].includes(address.protocol)) throw new Error(text("badAddress"));
      outcome.replaceChildren(make("a", { class: "button primary", href: address.href, target: "_blank", rel: "noopener noreferrer" }, text("goPay")));
    } catch (error) {
      outcome.replaceChildren(problem(error));
    }
  };
  return make("form", { class: "card", onsubmit: sent }, make("h2", {}, title), field(`${rail}-amount`, `${text("amount")} (${currency})`, amount), make("div", { class: "field" }, make("button", { type: "submit" }, text("topUp"))), outcome);
}

function chainTable(chains) {
  const rows = chains.map((chain) => [chain.chain, make("div", { class: "row" }, mono(chain.deposit_address), copyButton(chain.deposit_address)), String(chain.required_confirmations)]);
  return table(text("byUsdc"), [[text("chain"), ""], [text("address"), ""], [text("confirmations"), "number"]], rows);
}

function reservationTable(reserved) {
  const columns = [[text("lane"), ""], [text("status"), ""], [text("cards"), "number"], [text("perCardHour"), "number"], [text("cardHours"), "number"], [text("charged"), "number"], [text("began"), "time"]];
  const rows = reserved.map((one) => [mono(one.lane), badge(one.status), count(one.cards), usd(one.usd_per_card_hour), String(one.card_hours), [usd(one.charged_usd), Number(one.due_usd) ? make("span", { class: "soft small-text" }, ` + ${usd(one.due_usd)}`) : null], when(one.began_at)]);
  return table(text("reservations"), columns, rows);
}

function historyTable(history) {
  const rows = history.map((item) => [when(item.created_at), item.source, `${(item.amount_cents / 100).toFixed(2)} ${String(item.currency).toUpperCase()}`, usd(item.credit_usd), badge(item.status), mono(item.reference_id ?? "–")]);
  return table(text("history"), [[text("made"), "time"], [text("source"), ""], [text("paid"), "number"], [text("credited"), "number"], [text("status"), ""], [text("reference"), ""]], rows);
}
