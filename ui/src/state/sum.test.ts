import { expect, test } from "vitest";

import type { UsageGroup } from "../backend/api";
import { sum } from "./sum";

const group = (rest: Partial<UsageGroup>): UsageGroup => ({
  group: "",
  requests: 1,
  failed: 0,
  tokens: {},
  cost_usd: 0,
  unpriced: 0,
  latency_ms: 0,
  ...rest,
});

test("counts add up, and a count that nobody reported stays absent", () => {
  const total = sum([
    group({ requests: 3, failed: 1, tokens: { input: 10, output: null }, cost_usd: 0.5, latency_ms: 100 }),
    group({ requests: 1, tokens: { input: 5, cache_read: 0 }, cost_usd: 0.25, unpriced: 1, latency_ms: 500 }),
  ]);
  expect(total).toEqual({
    group: "",
    requests: 4,
    failed: 1,
    tokens: { input: 15, cache_read: 0 },
    cost_usd: 0.75,
    unpriced: 1,
    latency_ms: 200,
  });
});

test("nothing sums to nothing", () => {
  expect(sum([])).toEqual(group({ requests: 0 }));
});
