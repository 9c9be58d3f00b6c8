// Numbers and times as the person's language writes them.

import { locale } from "./text";

const whole = new Intl.NumberFormat(locale);
const short = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const dayAndMonth = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

/** `12,345`. */
export function count(n: number): string {
  return whole.format(n);
}

/** `12.3K`, for places where space is short; a count that nobody reported is a dash. */
export function compact(n: number | null | undefined): string {
  return n === null || n === undefined ? "–" : short.format(n);
}

/** `$0.0123`: small sums need their digits, large ones do not. */
export function usd(sum: number | null | undefined): string {
  if (sum === null || sum === undefined) return "–";
  const digits = sum === 0 || sum >= 1 ? 2 : sum >= 0.01 ? 3 : 4;
  const form = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" } as const;
  if (sum > 0 && sum < 0.0001) return `<${new Intl.NumberFormat(locale, { ...form, minimumFractionDigits: 4 }).format(0.0001)}`;
  return new Intl.NumberFormat(locale, { ...form, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(sum);
}

/** `850 ms` or `12.4 s`. */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${whole.format(milliseconds)} ms`;
  return `${(milliseconds / 1000).toLocaleString(locale, { maximumFractionDigits: 1 })} s`;
}

/** The time of day. */
export function time(instant: string): string {
  return clock.format(new Date(instant));
}

/** Day and time. */
export function dateTime(instant: string): string {
  return moment.format(new Date(instant));
}

/** The day of an instant or of a plain date. */
export function date(text: string): string {
  return day.format(new Date(text.length === 10 ? `${text}T12:00` : text));
}

/** `21 Nov`, of a plain date. */
export function shortDate(text: string): string {
  return dayAndMonth.format(new Date(`${text}T00:00Z`));
}

/** `3 min ago`. */
export function ago(instant: string, now: number = Date.now()): string {
  const seconds = Math.round((new Date(instant).getTime() - now) / 1000);
  for (const [unit, length] of [["day", 86_400], ["hour", 3600], ["minute", 60]] as const) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(Math.min(seconds, 0), "second");
}

/** Local midnight, this many days back. */
export function startOfDay(now: Date, daysBack: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysBack);
}
