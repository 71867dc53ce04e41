// Walks through /verify as a person does: {url, browser, bundle, id, shots, axe} as the argument.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);
const require = createRequire(`${told.modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: told.browser, args: ["--no-sandbox", "--disable-gpu"] });

async function opened(viewport, colorScheme = "light", path = "/verify") {
  const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true, locale: "en-US" });
  const page = await context.newPage();
  page.problems = [];
  page.foreign = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (line) => line.type() === "error" && page.problems.push(line.text()));
  page.on("request", (request) => request.url().startsWith(told.url) || page.foreign.push(request.url()));
  await page.goto(told.url + path);
  return page;
}

const results = (page) =>
  page.$$eval("#checks li", (rows) => Object.fromEntries(rows.map((row) => [row.dataset.check, row.dataset.result])));

async function verified(page, bundle, keys) {
  await page.fill("#bundle", bundle);
  if (keys) {
    await page.click("summary");
    await page.fill("#keys", keys);
  }
  await page.press("#bundle", "Tab");
  await page.click("button.primary");
  await page.waitForSelector("#checks li");
  return results(page);
}

async function serious(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  return found.violations.filter((item) => ["serious", "critical"].includes(item.impact)).map((item) => item.id);
}

const said = {};
const desktop = await opened({ width: 1200, height: 900 });
await desktop.context().setOffline(true);
said.offline = await verified(desktop, told.bundle, told.keys);
said.title = await desktop.textContent("#outcome");
said.focused = await desktop.evaluate(() => document.activeElement.id);
said.axe = await serious(desktop);
await desktop.screenshot({ path: `${told.shots}/verify-desktop.png`, fullPage: true });
const tampered = told.bundle.replaceAll("completed", "complete1");
await desktop.fill("#bundle", tampered);
await desktop.click("button.primary");
await desktop.waitForSelector('li[data-result="fail"]');
said.tampered = await results(desktop);
said.firstShown = await desktop.$eval("#checks li", (row) => row.dataset.result);
said.axeTampered = await serious(desktop);
await desktop.fill("#keys", "no keys");
await desktop.click("button.primary");
await desktop.waitForSelector("#checks:empty", { state: "attached" });
said.noKeys = await desktop.textContent("#outcome");
await desktop.fill("#keys", told.keys);
await desktop.click("button.primary");
await desktop.waitForSelector('li[data-result="fail"]');
await desktop.context().setOffline(false);
await desktop.click('[data-language="zh"]');
await desktop.waitForSelector('html[lang="zh-CN"]');
await desktop.waitForSelector('li[data-result="fail"]');
const fields = () => desktop.evaluate(() => ["bundle", "keys", "request", "salt"].map((id) => document.getElementById(id).value));
const kept = await fields();
said.kept = [kept[0] === tampered, kept[1] === told.keys, kept[2], kept[3]];
said.left = await desktop.evaluate(() => [sessionStorage.length, localStorage.length]);
said.chineseSchema = await desktop.textContent('li[data-check="evidence.payload_hash"] .fail + div .fail');
said.axeChinese = await serious(desktop);
await desktop.screenshot({ path: `${told.shots}/verify-desktop-zh.png`, fullPage: true });
await desktop.fill("#bundle", told.bundle.replaceAll(/"charged_nano_usd":\s*\d+/g, '"charged_nano_usd":7'));
await desktop.click("button.primary");
await desktop.waitForSelector('li[data-check="price_arithmetic"][data-result="fail"]');
said.chineseFigures = await desktop.textContent('li[data-check="price_arithmetic"] .fail + div .fail');
await desktop.goto(`${told.url}/verify`);
said.afresh = await fields();
await verified(desktop, told.bundle, null);
said.chineseDetail = await desktop.textContent('li[data-check="key_trusted"] .skipped + div .skipped');
said.chinese = [await desktop.textContent("h1"), await desktop.getAttribute("html", "lang")];

const phone = await opened({ width: 375, height: 740 }, "dark", `/verify?id=${told.id}`);
await phone.waitForSelector("#checks li");
said.fetched = await results(phone);
said.wide = await phone.evaluate(() => document.documentElement.scrollWidth > innerWidth);
said.axePhone = await serious(phone);
await phone.screenshot({ path: `${told.shots}/verify-phone.png`, fullPage: true });

said.problems = [...desktop.problems, ...phone.problems];
said.foreign = [...desktop.foreign, ...phone.foreign];
await browser.close();
console.log(JSON.stringify(said));
