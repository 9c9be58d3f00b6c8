// Every view in light and dark, narrow and wide: nothing on the console, nothing wider than the
// window, no serious finding of axe. The pictures stay in `shots/`.

import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { browse, serve } from "./served";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["overview", "accounts", "usage", "keys", "activity", "settings"];
const SIZES = { narrow: { width: 380, height: 560 }, wide: { width: 1100, height: 720 } };

let browser: Browser;
let server: Server;
let url: string;

beforeAll(async () => {
  ({ server, url } = await serve());
  browser = await browse();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

interface Look {
  scheme: "light" | "dark";
  size: keyof typeof SIZES;
  scene?: string;
  locale?: string;
  contrast?: "more";
}

async function open(view: string, { scheme, size, scene = "full", locale = "en", contrast }: Look): Promise<{ page: Page; said: string[] }> {
  const page = await browser.newPage({
    colorScheme: scheme,
    viewport: SIZES[size],
    locale,
    reducedMotion: "reduce",
    contrast: contrast ?? "no-preference",
  });
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  await page.goto(`${url}?scene=${scene}#/${view}`);
  await page.locator("main h1").first().waitFor({ state: "attached" });
  return { page, said };
}

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] });
    return violations.map((one) => `${one.impact} ${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  });
}

async function inspect(view: string, look: Look, name: string, act?: (page: Page) => Promise<void>): Promise<void> {
  const { page, said } = await open(view, look);
  try {
    await act?.(page);
    await page.screenshot({ path: `shots/${name}.png` });
    const over = await page.evaluate(() => {
      const main = document.querySelector("main");
      return Math.max(document.documentElement.scrollWidth - innerWidth, main ? main.scrollWidth - main.clientWidth : 0);
    });
    expect(said).toEqual([]);
    expect(over).toBeLessThanOrEqual(0);
    expect(await findings(page)).toEqual([]);
  } finally {
    await page.close();
  }
}

describe.each(VIEWS)("%s", (view) => {
  for (const scheme of ["light", "dark"] as const) {
    for (const size of ["narrow", "wide"] as const) {
      test(`${scheme} ${size}`, () => inspect(view, { scheme, size }, `${view}-${scheme}-${size}`));
    }
  }
  test("high contrast", () => inspect(view, { scheme: "dark", size: "narrow", contrast: "more" }, `${view}-contrast`));
  for (const scene of ["empty", "broken", "offline"]) {
    test(scene, () => inspect(view, { scheme: "light", size: "narrow", scene }, `${view}-${scene}`));
  }
  for (const locale of ["de", "zh-CN"]) {
    test(locale, () => inspect(view, { scheme: "light", size: "narrow", locale }, `${view}-${locale}`));
  }
});

/** What a person clicks to come to each dialog, by what then stands there. */
const DIALOGS: Record<string, (page: Page) => Promise<void>> = {
  ways: async (page) => {
    await page.getByRole("button", { name: "Sign in with Claude" }).click();
    await page.getByRole("dialog").getByText("Your own Claude Code").waitFor();
  },
  notice: async (page) => {
    await page.getByRole("button", { name: "Sign in with Claude" }).click();
    await page.getByRole("button", { name: /Claude plan in the browser/ }).click();
    await page.getByText("I understand").waitFor();
  },
  browser: async (page) => {
    await page.evaluate(() => Object.assign(globalThis, { open: () => null }));
    await page.getByRole("button", { name: "Sign in with Claude" }).click();
    await page.getByRole("button", { name: /Claude plan in the browser/ }).click();
    await page.getByLabel("I understand").check();
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("The browser does not come back?").click();
    await page.getByLabel(/whole address/).waitFor();
  },
  code: async (page) => {
    await page.getByRole("button", { name: "Sign in with GitHub Copilot" }).click();
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("WXYZ-1234").waitFor();
  },
  imports: async (page) => {
    await page.getByRole("button", { name: "Import…" }).click();
    await page.getByText("Codex CLI").waitFor();
  },
  link: async (page) => {
    await page.evaluate(() => (globalThis as unknown as { fake: { ask(name: string): void } }).fake.ask("provider"));
    await page.getByText(/llm\.acme\.example/).first().waitFor();
  },
};

describe.each(Object.entries(DIALOGS))("sign-in, %s", (name, act) => {
  for (const scheme of ["light", "dark"] as const) {
    const size = scheme === "light" ? "narrow" : "wide";
    test(`${scheme} ${size}`, () => inspect("accounts", { scheme, size, scene: "empty" }, `signin-${name}-${scheme}-${size}`, act));
  }
});

test("closed", () => inspect("overview", { scheme: "light", size: "narrow", scene: "closed" }, "closed"));
