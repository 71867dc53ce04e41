// What goes wrong while somebody uses /console: {url, browser, modules, key, shots} as the argument.
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);
const { chromium } = createRequire(`${told.modules}/`)("playwright-core");
const browser = await chromium.launch({ executablePath: told.browser, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-US" });
context.setDefaultTimeout(180_000);
const page = await context.newPage();
const said = { problems: [] };
page.on("pageerror", (error) => said.problems.push(String(error)));
const asked = (path, method, body) => fetch(told.url + path, { method, headers: { authorization: `Bearer ${told.key}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
const network = await context.newCDPSession(page);
const slow = (latency, downloadThroughput) => network.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput, uploadThroughput: downloadThroughput });
const active = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.dataset?.section || "");

// On a slow network, by the keyboard alone: a wrong key is refused, the right one signs in.
const key = await (await asked("/v1/keys", "POST", { name: "walker" })).json();
await slow(200, 60_000);
await page.goto(`${told.url}/console`);
for (let at = 0; at < 40 && (await active()) !== "key"; at++) await page.keyboard.press("Tab");
said.reached = await active();
await page.keyboard.type("batchin_api_wrong");
await page.keyboard.press("Enter");
await page.waitForSelector("#sign-in-problem:not([hidden])");
said.afterWrong = [await active(), await page.inputValue("#key")];
await page.keyboard.type(key.key);
await page.keyboard.press("Enter");
await page.waitForSelector("#view .cards");
for (let at = 0; at < 120 && (await active()) !== "usage"; at++) await page.keyboard.press("Tab");
await page.keyboard.press("Enter");
await page.waitForSelector('#sections a[data-section="usage"][aria-current]');
await page.waitForFunction(() => document.querySelector("#view h1") && !document.querySelector("#view .loading"));
said.focus = await active();
await slow(0, -1);

// The network goes and comes back: both are told, nothing has to be typed again.
await page.waitForSelector("#live.good");
await context.setOffline(true);
await page.waitForSelector("#live:not(.good)");
await page.click('#sections a[data-section="batches"]');
await page.waitForSelector("#view .note.bad");
said.offline = await page.textContent("#view .note.bad");
await page.screenshot({ path: `${told.shots}/offline.png` });
await context.setOffline(false);
await page.click("#view > button");
await page.waitForSelector("#view form");
await page.waitForSelector("#live.good");

// Its key is revoked elsewhere: the visit ends by itself and says why.
await asked(`/v1/keys/${key.id}`, "DELETE");
await page.waitForSelector("#sign-in:not([hidden])");
said.revoked = await page.textContent("#sign-in-problem");
said.left = [await page.evaluate(() => sessionStorage.length), await page.locator("#view *").count()];
await browser.close();
console.log(JSON.stringify(said));
