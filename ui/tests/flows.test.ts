// What a person does with the page, from click to result, on the fake engine.

import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { browse, serve } from "./served";

let browser: Browser;
let server: Server;
let url: string;
let page: Page;

beforeAll(async () => {
  ({ server, url } = await serve());
  browser = await browse();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});
beforeEach(async () => {
  page = await browser.newPage({ locale: "en", viewport: { width: 380, height: 560 } });
  page.setDefaultTimeout(5000);
});
afterEach(() => page.close());

const go = (view: string, scene = "full") => page.goto(`${url}?scene=${scene}#/${view}`);
const button = (name: string | RegExp) => page.getByRole("button", { name, exact: typeof name === "string" });
const dialog = () => page.getByRole("dialog");
const see = (text: string | RegExp) => page.getByText(text).first().waitFor();

test("a new key is shown once, with its limits kept", async () => {
  await go("keys");
  await button("Make a key").click();
  await page.getByLabel("Name", { exact: true }).fill("my-tool");
  await page.getByText("Limits").click();
  await page.getByLabel("Requests per minute").fill("30");
  await page.getByLabel("Budget in USD").fill("5");
  await button("Make key").click();
  expect(await dialog().locator("code").textContent()).toMatch(/^byk_/);
  await button("Done").click();
  await see(/30 per minute.*\$5\.00/);
  expect(await page.locator("body").innerText()).not.toContain("byk_fakefake");
});

test("a taken name is said at the form", async () => {
  await go("overview");
  await button("Make a key").click();
  await page.getByLabel("Name", { exact: true }).fill("editor");
  await button("Make key").click();
  await dialog().getByText("This name is taken.").waitFor();
});

test("a refused key is not stored, a good one is", async () => {
  await go("accounts", "empty");
  await button("Sign in with Claude").click();
  await dialog().getByRole("button", { name: /^API key/ }).click();
  await page.getByLabel("API key").fill("sk-bad-0000000000");
  await button("Add").click();
  await dialog().getByText("invalid x-api-key").waitFor();
  await page.getByLabel("API key").fill("sk-good-0000001234");
  await button("Add").click();
  await dialog().getByText("The key works.").waitFor();
  await button("Done").click();
  await see("…1234");
});

test("with the provider away the key can be kept unchecked", async () => {
  await go("accounts", "empty");
  await button("Sign in with Claude").click();
  await dialog().getByRole("button", { name: /^API key/ }).click();
  await page.getByLabel("API key").fill("sk-away-000000000000");
  await button("Add").click();
  await button("Keep it unchecked").click();
  await dialog().getByText("Not checked.").waitFor();
});

test("a local provider needs no key", async () => {
  await go("accounts", "empty");
  await button("Add an account for Ollama").click();
  await see("needs no key");
  await button("Add").click();
  await dialog().getByText("Ollama default").waitFor();
});

test("accounts are renamed, reordered, switched, checked and removed", async () => {
  await go("accounts");
  const claude = page.getByRole("article", { name: "Claude" });
  const names = async () => (await claude.getByRole("switch").all()).map((one) => one.getAttribute("aria-label"));
  await claude.getByRole("button", { name: "Ask later: work" }).click();
  await expect.poll(async () => Promise.all(await names())).toEqual(["Enabled: private", "Enabled: work"]);
  await claude.getByRole("switch", { name: "Enabled: private" }).click();
  await claude.getByRole("switch", { name: "Enabled: private", checked: false }).waitFor();
  await claude.getByRole("button", { name: "Rename" }).first().click();
  await page.getByLabel("New name").fill("work");
  await button("Save").click();
  await dialog().getByText("This name is taken.").waitFor();
  await page.getByLabel("New name").fill("home");
  await button("Save").click();
  await claude.getByText("home").first().waitFor();
  await claude.getByRole("button", { name: "Check now" }).first().click();
  await claude.getByText("The key works.").waitFor();
  await claude.getByRole("button", { name: "Remove" }).first().click();
  await dialog().getByRole("button", { name: "Remove" }).click();
  await expect.poll(() => claude.getByRole("switch").count()).toBe(1);
});

test("an unofficial way waits for the person's yes, and a paste finishes it", async () => {
  await page.addInitScript(() => Object.assign(globalThis, { opened: [], open: (url: string) => (globalThis as unknown as { opened: string[] }).opened.push(url) }));
  await go("accounts", "empty");
  await button("Sign in with Claude").click();
  const ways = await dialog().getByRole("listitem").allInnerTexts();
  expect(ways[0]).toContain("Your own Claude Code");
  await dialog().getByRole("button", { name: /Claude plan in the browser/ }).click();
  await dialog().getByText(/^The provider limits plan logins/).waitFor();
  expect(await button("Sign in").isDisabled()).toBe(true);
  await page.getByLabel("I understand and want to use this").check();
  await button("Sign in").click();
  await see("Finish signing in to Claude in your browser");
  // Once by itself, and never again.
  expect(await page.evaluate(() => (globalThis as unknown as { opened: string[] }).opened)).toHaveLength(1);
  await page.getByText("The browser does not come back?").click();
  await page.getByLabel(/whole address/).fill("http://localhost:54545/callback?code=a&state=bad");
  await button("Finish").click();
  await see("this answer belongs to another sign-in");
  await button("Try again").click();
  await page.getByLabel("I understand and want to use this").check();
  await button("Sign in").click();
  await page.getByText("The browser does not come back?").click();
  await page.getByLabel(/whole address/).fill("code#state");
  await button("Finish").click();
  await see("Signed in to Claude: mila@example.org.");
  await button("Done").click();
  await page.getByRole("article", { name: "Claude" }).getByText("mila@example.org").waitFor();
  expect(await page.locator("body").innerText()).not.toContain("code#state");
});

test("a code is shown large with the provider's host, and the sign-in can be left and found again", async () => {
  await go("accounts");
  await page.getByRole("article", { name: "GitHub Copilot" }).getByRole("button", { name: "Sign in again" }).click();
  await button("Sign in").click();
  await dialog().getByText("WXYZ-1234").waitFor();
  await dialog().getByRole("link", { name: "Open github.example" }).waitFor();
  await button("Close").click();
  await see("A sign-in to GitHub Copilot is under way.");
  await button("Show").click();
  await dialog().getByText("WXYZ-1234").waitFor();
  await dialog().getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => page.getByText("is under way").count()).toBe(0);
});

test("a missing program is said before anything starts", async () => {
  await go("accounts", "empty");
  await button("Sign in with Claude").click();
  await dialog().getByRole("button", { name: /Your own Claude Code/ }).click();
  await dialog().getByRole("link", { name: "How to install it" }).waitFor();
});

test("signing out says what became of the login at the provider", async () => {
  await go("accounts");
  const copilot = page.getByRole("article", { name: "GitHub Copilot" });
  await copilot.getByRole("button", { name: "Sign out" }).click();
  await dialog().getByRole("button", { name: "Sign out" }).click();
  await see(/is forgotten here; at the provider the login goes on/);
  await page.getByRole("link", { name: "End it there" }).waitFor();
});

test("imports are looked at first, and only what is ticked is taken", async () => {
  await go("accounts", "empty");
  await button("Import…").click();
  await see(/its token ended an hour ago/);
  expect(await page.getByRole("checkbox", { name: /Claude Code/ }).isDisabled()).toBe(true);
  expect(await button("Import").isDisabled()).toBe(true);
  await page.getByRole("checkbox", { name: /Codex CLI/ }).check();
  await see("OpenAI does not offer this login to other programs.");
  expect(await button("Import").isDisabled()).toBe(true);
  await page.getByLabel("I understand and want to use this").check();
  await button("Import").click();
  await see("1 account was imported.");
});

test("a link does nothing until the person clicks, with Cancel in focus", async () => {
  await go("accounts", "empty");
  const ask = (name: string) => page.evaluate((what) => (globalThis as unknown as { fake: { ask(name: string): void } }).fake.ask(what), name);
  await ask("provider");
  await see(/would go to llm\.acme\.example/);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Cancel");
  await button("Cancel").click();
  await expect.poll(() => dialog().count()).toBe(0);
  await ask("import");
  await see("Nothing was read yet.");
  expect(await page.getByRole("checkbox").count()).toBe(0);
  await button("Look").click();
  await dialog().getByText("Claude Code", { exact: true }).waitFor();
});

test("a retired way shows date, reason and what to use instead", async () => {
  await go("accounts");
  const qwen = page.getByRole("article", { name: /Qwen/ });
  await qwen.getByText(/ended Apr 15, 2026/).waitFor();
  await qwen.getByText("alibaba/coding-plan-key").waitFor();
  expect(await qwen.getByRole("button").count()).toBe(0);
});

test("a key is revoked after a question, and Escape leaves it", async () => {
  await go("keys");
  await button("Revoke: editor").click();
  await page.keyboard.press("Escape");
  await expect.poll(() => dialog().count()).toBe(0);
  expect(await button("Revoke: editor").evaluate((one) => one === document.activeElement)).toBe(true);
  await button("Revoke: editor").click();
  await dialog().getByRole("button", { name: "Revoke" }).click();
  await expect.poll(() => button("Revoke: editor").count()).toBe(0);
  await button("Show 2 revoked keys").click();
});

test("requests appear at once, open with their detail and obey the filter", async () => {
  await go("activity");
  await see("Live");
  await page.evaluate(() => (globalThis as unknown as { fake: { request(model: string): void } }).fake.request("fresh-model"));
  await page.getByRole("button", { name: /fresh-model/ }).click();
  await dialog().getByText("Whole reply after").waitFor();
  await button("Close").click();
  await page.getByLabel("Filter").fill("gpt nightly");
  await expect.poll(() => page.getByRole("button", { name: /claude/ }).count()).toBe(0);
  await page.getByLabel("Filter").fill("");
  await page.getByLabel("Only failures").check();
  await see(/provider error/);
  expect(await page.getByRole("listitem").filter({ has: page.getByText("exceeded") }).count()).toBe(1);
});

test("usage changes with range and grouping, and is saved as CSV", async () => {
  await go("usage");
  await page.getByRole("radio", { name: "30 days" }).check({ force: true });
  await page.getByRole("img", { name: /Tokens per day/ }).waitFor();
  await page.getByRole("radio", { name: "Client" }).check({ force: true });
  await see("nightly-agent");
  const [download] = await Promise.all([page.waitForEvent("download"), button("Save as CSV").click()]);
  expect(download.suggestedFilename()).toMatch(/^byokey-usage-by-client-/);
  expect(await readFile(await download.path(), "utf8")).toContain("\r\neditor,");
});

test("the self-check lists models, or says what is missing", async () => {
  await go("overview");
  await button("Does it work?").click();
  await see("Ready: 5 models");
  await go("overview", "empty");
  await page.reload();
  await button("Does it work?").click();
  await see("no account serves a model yet");
});

test("a wrong configuration is told where it is read again", async () => {
  await go("settings");
  await button("Read again").click();
  await see("The configuration is wrong");
  await see(/max_boddy_mib/);
});

test("the keyboard reaches everything in order", async () => {
  await go("overview");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
  for (let n = 0; n < 3; n += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Usage", level: 1 }).waitFor();
});
