import { expect, test } from "vitest";

import { toCsv } from "./csv";

test("names are quoted where they must be, and are no formulas", () => {
  const rest = { requests: 1, failed: 0, tokens: { input: 5 }, cost_usd: 0.25, unpriced: 0, latency_ms: 7 };
  const lines = toCsv("client", [
    { group: 'say "hi", all', ...rest },
    { group: "=1+1", ...rest },
  ]).split("\r\n");
  expect(lines[1]).toBe('"say ""hi"", all",1,0,5,,,,,0.25,0,7');
  expect(lines[2]).toMatch(/^'=1\+1,/);
  expect(lines[0]?.split(",").length).toBe(lines[2]?.split(",").length);
  expect(lines[3]).toBe("");
});
