// Opens each page as several readers do: {url, browser, modules, paths, shots} as the argument.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);
const require = createRequire(`${told.modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: told.browser, args: ["--no-sandbox", "--disable-gpu"] });
const READERS = [
  { name: "desktop", viewport: { width: 1200, height: 900 }, colorScheme: "light", locale: "en-US" },
  { name: "phone", viewport: { width: 375, height: 740 }, colorScheme: "dark", locale: "zh-CN" },
];

const MOST_BYTES = 200_000;
const found = [];
for (const path of told.paths) {
  for (const { name, ...reader } of READERS) {
    const context = await browser.newContext({ ...reader, bypassCSP: true });
    const page = await context.newPage();
    const note = (what) => found.push(`${path} ${name}: ${what}`);
    page.on("pageerror", (error) => note(error));
    page.on("console", (line) => line.type() === "error" && note(line.text()));
    page.on("request", (request) => request.url().startsWith(told.url) || note(request.url()));
    const cdp = await context.newCDPSession(page);
    await cdp.send("Network.enable");
    let bytes = 0;
    cdp.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    const answer = await page.goto(told.url + path, { waitUntil: "networkidle" });
    if (bytes > MOST_BYTES) note(`the first load takes ${bytes} bytes`);
    const policy = answer.headers()["content-security-policy"] ?? "";
    if (!policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'") || policy.includes("unsafe")) note(policy);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    for (const item of violations) {
      if (["serious", "critical"].includes(item.impact)) note(`${item.id} ${item.nodes[0].target} ${item.nodes[0].failureSummary}`);
    }
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) note("wider than the screen");
    await page.screenshot({ path: `${told.shots}/${path.replaceAll("/", "_")}-${name}.png`, fullPage: true });
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));
