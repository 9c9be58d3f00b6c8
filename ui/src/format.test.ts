import { expect, test } from "vitest";

import { ago, compact, duration, startOfDay, usd } from "./format";

test("sums keep the digits that matter", () => {
  expect([0, 0.00002, 0.0123, 0.5, 12.345, null].map(usd)).toEqual(["$0.00", "<$0.0001", "$0.012", "$0.500", "$12.35", "–"]);
});

test("unknown is a dash, never zero", () => {
  expect([compact(null), compact(0), compact(12_345)]).toEqual(["–", "0", "12.3K"]);
  expect([duration(undefined), duration(850), duration(12_400)]).toEqual(["–", "850 ms", "12.4 s"]);
});

test("times past are told in the largest unit that fits", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  expect(ago("2026-11-21T11:57:10Z", now)).toBe("2 min. ago");
  expect(ago("2026-11-19T11:00:00Z", now)).toBe("2 days ago");
  // A clock that is a little ahead is no reason to speak of the future.
  expect(ago("2026-11-21T12:00:02Z", now)).toBe("now");
});

test("days begin at local midnight, also across a month's end", () => {
  const day = startOfDay(new Date(2026, 2, 2, 15), 6);
  expect([day.getMonth(), day.getDate(), day.getHours()]).toEqual([1, 24, 0]);
});
