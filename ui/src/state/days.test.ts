import { expect, test } from "vitest";

import type { UsageGroup } from "../backend/api";
import { height, parts, withGaps } from "./days";

const day = (group: string, tokens: UsageGroup["tokens"] = {}): UsageGroup => ({
  group,
  requests: 2,
  failed: 0,
  tokens,
  cost_usd: 1.5,
  unpriced: 0,
  latency_ms: 0,
});

test("days without requests stand between those with some", () => {
  const days = withGaps([day("2026-02-27"), day("2026-03-01")], new Date("2026-02-27T22:00Z"), new Date("2026-03-02T01:00Z"));
  expect(days.map(({ date, group }) => [date, group !== undefined])).toEqual([
    ["2026-02-27", true],
    ["2026-02-28", false],
    ["2026-03-01", true],
    ["2026-03-02", false],
  ]);
});

test("the cached part of a prompt is not drawn twice", () => {
  const group = day("2026-03-01", { input: 100, cache_read: 60, output: 7 });
  expect(parts(group, "tokens").map((part) => part.value)).toEqual([40, 60, 7]);
  expect(height(group, "tokens")).toBe(107);
  expect(height(group, "cost")).toBe(1.5);
  expect(height(undefined, "requests")).toBe(0);
});
