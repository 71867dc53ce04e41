// Walks through the documentation as a person does: {url, browser, modules, key, shots} as the argument.
import { createRequire } from "node:module";

const told = JSON.parse(process.argv[2]);
const { chromium } = createRequire(`${told.modules}/`)("playwright-core");
const browser = await chromium.launch({ executablePath: told.browser, args: ["--no-sandbox", "--disable-gpu"] });
const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: "en-US" });
const page = await context.newPage();
const said = { problems: [] };
page.on("pageerror", (error) => said.problems.push(String(error)));
page.on("console", (line) => line.type() === "error" && said.problems.push(line.text()));
page.on("request", (request) => request.url().startsWith(told.url) || said.problems.push(request.url()));

await page.goto(`${told.url}/docs/quickstart`);
await page.click('[role="tab"]:has-text("TypeScript")');
await page.goto(`${told.url}/docs`);
await page.goto(`${told.url}/docs/quickstart`);
said.tab = await page.textContent('[role="tab"][aria-selected="true"]');
said.panels = await page.locator('[role="tabpanel"]:visible').count();

await page.locator("h1").click();
await page.keyboard.press("/");
await page.keyboard.type("embeddings");
await page.waitForSelector('#found li[aria-selected="true"]');
await page.locator('#found li[data-to="/docs/api/createEmbeddings"]').click();
await page.waitForURL("**/docs/api/createEmbeddings");

await page.fill('.try input[name="key"]', told.key);
await page.click('.try button[type="submit"]');
await page.waitForFunction(() => / ms$/.test(document.querySelector(".answer .badge")?.textContent ?? ""));
said.status = await page.textContent(".answer .badge");
said.answer = await page.textContent(".answer");
said.curl = await page.textContent(".try .curl");
await page.screenshot({ path: `${told.shots}/try.png` });

await page.goto(`${told.url}/docs/api/getUser`);
said.kept = (await page.inputValue('.try input[name="key"]')) === told.key;
const other = await context.newPage();
await other.goto(`${told.url}/docs/api/getUser`);
said.otherTab = await other.inputValue('.try input[name="key"]');

const bare = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
for (const path of ["/docs/quickstart", "/status", "/models", "/compute"]) {
  await bare.goto(told.url + path);
  said[`bare ${path}`] = (await bare.textContent("article")).length > 200;
}
await browser.close();
console.log(JSON.stringify(said));
