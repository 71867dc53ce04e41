// Walks through /console as a person does: {url, browser, modules, key, shots} as the argument.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);
const require = createRequire(`${told.modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: told.browser, args: ["--no-sandbox", "--disable-gpu"] });
const HOSTILE = '<img src=x onerror="window.hacked=1">';
const SECTIONS = ["overview", "playground", "traces", "usage", "batches", "keys", "payments", "models", "prompts"];
const found = [];
const said = {};

async function opened(name, viewport, colorScheme, locale) {
  const context = await browser.newContext({ viewport, colorScheme, locale, bypassCSP: true });
  context.setDefaultTimeout(180_000);
  const page = await context.newPage();
  const note = (what) => found.push(`${name}: ${what}`);
  page.note = note;
  page.on("pageerror", (error) => note(error));
  page.on("console", (line) => line.type() === "error" && !line.text().includes("status of 401") && !line.text().includes("status of 503") && note(line.text()));
  page.on("request", (request) => request.url().startsWith(told.url) || note(request.url()));
  await page.goto(`${told.url}/console`);
  return page;
}

async function signIn(page, key) {
  await page.fill("#key", key);
  await page.press("#key", "Enter");
}

async function section(page, name) {
  await page.click(`#sections a[data-section="${name}"]`);
  await page.waitForSelector(`#sections a[data-section="${name}"][aria-current]`);
  await page.waitForFunction(() => document.querySelector("#view h1") && !document.querySelector("#view .loading"));
}

async function looked(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const item of violations) {
    if (["serious", "critical"].includes(item.impact)) page.note(`${name}: ${item.id} ${item.nodes[0].target} ${item.nodes[0].failureSummary}`);
  }
  if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) page.note(`${name}: wider than the screen`);
  await page.screenshot({ path: `${told.shots}/console-${name}.png` });
}

// A key is made, and the rest is done with it.
const desk = await opened("desk", { width: 1280, height: 860 }, "light", "en-US");
await looked(desk, "sign-in");
await signIn(desk, "batchin_api_wrong");
await desk.waitForSelector("#sign-in-problem:not([hidden])");
said.refused = await desk.textContent("#sign-in-problem");
await signIn(desk, told.key);
await desk.waitForSelector("#view .cards");
await section(desk, "keys");
await desk.fill("#key-name", HOSTILE);
await desk.click("#view form button[type=submit]");
const made = await (await desk.waitForSelector("#new-key")).textContent();
said.made = made.slice(0, 12);
await desk.waitForFunction((name) => [...document.querySelectorAll("#view td")].some((cell) => cell.textContent === name), HOSTILE);
await looked(desk, "keys");
const asked = (path, body) => fetch(told.url + path, { method: "POST", headers: { authorization: `Bearer ${made}`, "content-type": "application/json" }, body: JSON.stringify(body) });
await desk.click("#sign-out");
await signIn(desk, made);
await desk.waitForSelector("#view .cards");

// A call is made, its trace is found, its proof holds.
await section(desk, "playground");
await desk.fill("#play-most", "12");
await desk.fill("#play-words", HOSTILE);
await desk.press("#play-words", "Control+Enter");
await desk.waitForSelector(".turn .proof a[href^='/verify']");
said.asked = await desk.textContent(".turn.user");
await looked(desk, "playground");
await section(desk, "traces");
await desk.click("#view tbody a[href^='#/traces/']");
await desk.waitForSelector(".waterfall li");
// steps are written a moment after the call, and are seen without asking again
await desk.waitForFunction(() => document.querySelectorAll(".waterfall li").length > 3);
await desk.screenshot({ path: `${told.shots}/console-waterfall.png` });
// a span of another program joins the trace; whatever it says stays text
const traceId = (await desk.evaluate(() => location.hash)).split("/").pop();
const now = BigInt(Date.now()) * 1_000_000n;
const span = { traceId, spanId: "a".repeat(16), name: HOSTILE, startTimeUnixNano: String(now - 9_000_000n), endTimeUnixNano: String(now), attributes: [{ key: HOSTILE, value: { stringValue: HOSTILE } }] };
await asked("/v1/otlp/traces", { resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [span] }] }] });
await section(desk, "traces");
await desk.click(`#view tbody a[href="#/traces/${traceId}"]`);
await desk.waitForFunction((name) => [...document.querySelectorAll(".waterfall .name")].some((node) => node.textContent === name), HOSTILE);
said.bars = await desk.locator(".waterfall .name").allTextContents();
await desk.click(".waterfall summary");
await looked(desk, "trace");
await desk.click("#view .card a.button[href^='/verify']");
await desk.waitForSelector('#checks li[data-check="evidence.signature"]');
said.verified = await desk.$$eval("#checks li", (rows) => rows.filter((row) => row.dataset.result === "fail").length);
said.outcome = await desk.getAttribute("#outcome", "class");
await desk.goBack();
await desk.waitForSelector(".waterfall li");

// The spend is seen, a batch is watched to its end, and news come by themselves.
await section(desk, "usage");
said.models = await desk.locator("#view .table td .mono").first().textContent();
said.bar = await desk.locator(".chart .bar-mark").last().getAttribute("height");
await looked(desk, "usage");
await section(desk, "batches");
await desk.fill("#batch-lines", `Say yes.\n${HOSTILE}\nSay no.`);
await looked(desk, "batches");
await desk.click("#view form button[type=submit]");
await desk.waitForSelector("#view progress");
await desk.waitForFunction(() => document.querySelectorAll("#view tbody .badge.good").length === 3);
said.progress = await desk.getAttribute("#view progress", "value");
await looked(desk, "batch");

// A prompt is promoted and rolled back, and stays text.
for (const promote of [true, false]) await asked("/v1/prompts", { name: "support", promote, messages: [{ role: "system", content: `${promote} ${HOSTILE}` }] });
await section(desk, "prompts");
await desk.click('#view button[aria-label="Promote: support@v2"]');
await desk.waitForSelector('#view button[aria-label="Promote: support@v1"]');
await looked(desk, "prompts");
await desk.click("#view .card .row button");
await desk.waitForSelector('#view button[aria-label="Promote: support@v2"]');
await section(desk, "overview");
await desk.waitForSelector("#live.good");
const before = await desk.locator("#view tbody tr").count();
await asked("/v1/embeddings", { model: "bge-m3", input: "news" });
await desk.waitForFunction((rows) => document.querySelectorAll("#view tbody tr").length > rows, before);
await looked(desk, "overview");

// The key is nowhere but in this tab.
said.kept = await desk.evaluate((key) => [location.href, document.cookie, JSON.stringify(localStorage)].some((where) => where.includes(key)), made);

// The same on a dark phone in Chinese.
const phone = await opened("phone", { width: 375, height: 740 }, "dark", "zh-CN");
await signIn(phone, told.key);
await phone.waitForSelector("#view .cards");
for (const name of SECTIONS) {
  await section(phone, name);
  await looked(phone, `phone-${name}`);
}
await section(phone, "keys");
said.chinese = await phone.textContent("#view h1");
for (const page of [desk, phone]) if (await page.evaluate(() => window.hacked)) found.push("a hostile text ran");

// The key ends, and so does the visit.
await section(desk, "keys");
const row = desk.locator("#view tbody tr", { hasText: made.slice(0, 16) });
await row.locator("button.danger").click();
await row.locator("button.danger").click();
await desk.waitForSelector("#sign-in:not([hidden])");
said.ended = await desk.evaluate(() => sessionStorage.length);
await browser.close();
console.log(JSON.stringify({ ...said, found }));
