import type { UsageGroup } from "../backend/api";

/** Time ranges of the usage view, in days with today. */
export const RANGES = { day: 1, week: 7, month: 30, quarter: 90, year: 365 } as const;

/** Name of a range. */
export type Range = keyof typeof RANGES;

/** One day of the chart. */
export interface Day {
  /** `YYYY-MM-DD`, in UTC as the engine counts. */
  date: string;
  /** Its sums; absent for a day without requests. */
  group: UsageGroup | undefined;
}

/** The engine's days with those in between on which nothing happened. */
export function withGaps(groups: readonly UsageGroup[], since: Date, until: Date): Day[] {
  const known = new Map(groups.map((group) => [group.group, group]));
  const days: Day[] = [];
  const last = until.toISOString().slice(0, 10);
  for (const day = new Date(since.toISOString().slice(0, 10)); ; day.setUTCDate(day.getUTCDate() + 1)) {
    const date = day.toISOString().slice(0, 10);
    if (date > last) return days;
    days.push({ date, group: known.get(date) });
  }
}

/** What a chart shows of a day. */
export type Measure = "tokens" | "cost" | "requests";

/** The parts that are stacked on each other, from below, with the number of their colour. */
export function parts(group: UsageGroup | undefined, measure: Measure): { value: number; colour: 1 | 2 | 3 }[] {
  if (!group) return [];
  if (measure === "cost") return [{ value: group.cost_usd, colour: 1 }];
  if (measure === "requests") return [{ value: group.requests, colour: 1 }];
  const { input, cache_read, output } = group.tokens;
  // `input` is the whole prompt, the cached part included.
  return [
    { value: Math.max((input ?? 0) - (cache_read ?? 0), 0), colour: 1 },
    { value: cache_read ?? 0, colour: 2 },
    { value: output ?? 0, colour: 3 },
  ];
}

/** The height of a day's bar. */
export function height(group: UsageGroup | undefined, measure: Measure): number {
  return parts(group, measure).reduce((sum, part) => sum + part.value, 0);
}
