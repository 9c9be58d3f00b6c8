// The page from the real program, with simulated providers behind it: link, account, key, a request
// that appears, and the session's end. Runs where BYOKEY_BIN and BYOKEY_SIM name the programs.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { browse } from "./served";

const { BYOKEY_BIN, BYOKEY_SIM } = process.env;

/** Resolves with the first lines of a program's output that `enough` accepts. */
function lines(child: ChildProcess, enough: (lines: string[]) => boolean): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    child.on("exit", () => reject(new Error(`ended with: ${seen.join("\n")}`)));
    const take = (line: string) => {
      seen.push(line);
      if (enough(seen)) resolve(seen);
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface(stream).on("line", take);
    }
  });
}

describe.skipIf(!BYOKEY_BIN || !BYOKEY_SIM)("the real engine", () => {
  const folder = mkdtempSync(join(tmpdir(), "byokey-page-"));
  const data = ["--data-dir", join(folder, "data"), "-c", join(folder, "config.yaml")];
  const env = { ...process.env, BYOKEY_KEY_FILE: join(folder, "home.key"), BYOKEY_VAULT: "key-file" };
  const byokey = (...args: string[]) =>
    execFileSync(BYOKEY_BIN ?? "", [...args, ...data], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  let sim: ChildProcess;
  let serving: ChildProcess;
  let simKey: string;
  let browser: Browser;
  let page: Page;
  let url: string;
  const said: string[] = [];

  beforeAll(async () => {
    sim = spawn(BYOKEY_SIM ?? "", { stdio: ["ignore", "pipe", "inherit"] });
    const started = (await lines(sim, (seen) => seen.length >= 2)).map((line) => line.split(" "));
    const providers = started.filter(([dialect]) => dialect === "chat" || dialect === "messages");
    simKey = providers[0]?.[2] ?? "";
    const rows = providers.map(([dialect, base]) => `  sim-${dialect}:\n    dialect: ${dialect}\n    base_url: ${base}\n    models: [sim-${dialect}]\n`);
    writeFileSync(join(folder, "config.yaml"), `providers:\n${rows.join("")}`);
    serving = spawn(BYOKEY_BIN ?? "", ["serve", "-p", "0", ...data], { env, stdio: ["ignore", "pipe", "pipe"] });
    const greeting = await lines(serving, (seen) => seen.some((line) => line.includes("listens at")));
    url = /http:\S+/.exec(greeting.join("\n"))?.[0] ?? "";
    browser = await browse();
    page = await browser.newPage({ locale: "en", viewport: { width: 1100, height: 720 } });
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
  });
  afterAll(async () => {
    await browser?.close();
    serving?.kill();
    sim?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  test("without a link nothing is shown", async () => {
    await page.goto(`${url}/`);
    await page.getByText("needs a link").waitFor();
  });

  test("a link opens the page once and leaves nothing in the address", async () => {
    const link = byokey("open", "--web");
    expect(link.startsWith(`${url}/ui/#code=`)).toBe(true);
    await page.goto(link);
    await page.getByText(`${url}/v1`).waitFor();
    await page.getByText("Live").first().waitFor();
    expect(page.url()).toBe(`${url}/ui/`);
    const other = await browser.newPage({ locale: "en" });
    await other.goto(link);
    await other.getByText("needs a link").waitFor();
    await other.close();
    await page.reload();
    await page.getByText(`${url}/v1`).waitFor();
  });

  test("an account, a key, a request: all of it shows at once", async () => {
    await page.goto(`${url}/ui/#/accounts`);
    await page.getByRole("button", { name: "Add an account for sim-chat" }).click();
    await page.getByLabel(/^API key/).fill(simKey);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("button", { name: "Done" }).click();
    await page.goto(`${url}/ui/#/overview`);
    await page.getByRole("button", { name: "Does it work?" }).click();
    await page.getByText(/Ready: \d+ models?/).waitFor();
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByLabel("Name", { exact: true }).fill("page-test");
    await page.getByRole("button", { name: "Make key" }).click();
    const key = await page.getByRole("dialog").locator("code").textContent();
    await page.getByRole("button", { name: "Done" }).click();
    await page.goto(`${url}/ui/#/activity`);
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "sim-chat/sim-chat", messages: [{ role: "user", content: "hello" }] }),
    });
    expect(answer.status).toBe(200);
    await page.getByRole("button", { name: /sim-chat.*page-test/s }).waitFor();
    await page.screenshot({ path: "shots/engine-activity.png" });
    await page.goto(`${url}/ui/#/usage`);
    await page.getByRole("rowheader", { name: "sim-chat/sim-chat" }).waitFor();
  });

  test("a change of the configuration shows, good or bad", async () => {
    await page.goto(`${url}/ui/#/settings`);
    await page.getByText("64 MiB").waitFor();
    writeFileSync(join(folder, "config.yaml"), "max_boddy_mib: 5\n");
    await page.getByRole("alert").getByText("max_boddy_mib").first().waitFor();
    writeFileSync(join(folder, "config.yaml"), "max_body_mib: 5\n");
    await page.getByText("5 MiB", { exact: true }).waitFor();
  });

  test("nothing was refused by the page's own policy", () => {
    expect(said.filter((text) => /Content Security Policy|TypeError/.test(text))).toEqual([]);
  });

  test("a restart ends the session", async () => {
    serving.kill("SIGTERM");
    await new Promise((done) => serving.on("exit", done));
    await page.getByText("byokey does not answer").first().waitFor();
    serving = spawn(BYOKEY_BIN ?? "", ["serve", "-p", new URL(url).port, ...data], { env, stdio: ["ignore", "pipe", "pipe"] });
    await lines(serving, (seen) => seen.some((line) => line.includes("listens at")));
    await page.getByText("needs a link").waitFor({ timeout: 15_000 });
  });
});
