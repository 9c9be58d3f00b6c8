import { expect, test } from "vitest";

import { request } from "../backend/fake/sample";
import { failed, matches } from "./requests";

test("a filter finds every word anywhere, in any case", () => {
  const shown = { ...request(0), client: "editor", model: "claude-opus-4-5" };
  expect(matches(shown, "")).toBe(true);
  expect(matches(shown, "OPUS editor")).toBe(true);
  expect(matches(shown, "opus laptop")).toBe(false);
});

test("a caller that left is no failure", () => {
  expect(failed({ ...request(0), outcome: "client-gone" })).toBe(false);
  expect(failed({ ...request(0), outcome: "refused" })).toBe(true);
});
