import type { Tokens, UsageGroup } from "../backend/api";

const NAMES = ["input", "cache_read", "cache_write", "output", "reasoning"] as const;

/** All groups together. A count that no group reported stays absent; the mean time is weighted. */
export function sum(groups: readonly UsageGroup[]): UsageGroup {
  const total: UsageGroup = { group: "", requests: 0, failed: 0, tokens: {}, cost_usd: 0, unpriced: 0, latency_ms: 0 };
  let time = 0;
  for (const group of groups) {
    total.requests += group.requests;
    total.failed += group.failed;
    total.cost_usd += group.cost_usd;
    total.unpriced += group.unpriced;
    time += group.latency_ms * group.requests;
    addTokens(total.tokens, group.tokens);
  }
  total.latency_ms = total.requests === 0 ? 0 : Math.round(time / total.requests);
  return total;
}

function addTokens(total: Tokens, more: Tokens): void {
  for (const name of NAMES) {
    const tokens = more[name];
    if (tokens !== null && tokens !== undefined) total[name] = (total[name] ?? 0) + tokens;
  }
}
