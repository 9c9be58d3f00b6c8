import type { UsageBy, UsageGroup } from "../backend/api";

const HEAD = "requests,failed,input,cache_read,cache_write,output,reasoning,cost_usd_estimate,unpriced,mean_latency_ms";

/** The table as CSV (RFC 4180), with plain numbers. A count that nobody reported is an empty cell. */
export function toCsv(by: UsageBy, groups: readonly UsageGroup[]): string {
  const lines = groups.map(({ group, requests, failed, tokens, cost_usd, unpriced, latency_ms }) => {
    const { input, cache_read, cache_write, output, reasoning } = tokens;
    const numbers = [requests, failed, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, latency_ms];
    return [cell(group), ...numbers.map((n) => n ?? "")].join(",");
  });
  return [`${by},${HEAD}`, ...lines, ""].join("\r\n");
}

/** A name as a cell. Spreadsheets must not take it for a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
