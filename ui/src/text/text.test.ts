import { expect, test } from "vitest";

import { choose } from ".";
import { de } from "./de";
import { en } from "./en";
import { zh } from "./zh";

test("the first known language of the system counts", () => {
  expect(choose(["fr", "de-AT", "en"])).toMatchObject({ language: "de", locale: "de-AT" });
  expect(choose(["zh-Hans-CN"]).texts).toBe(zh);
  expect(choose(["fr"])).toMatchObject({ language: "en", locale: "en" });
  expect(choose([]).texts).toBe(en);
});

// The compiler sees missing texts, but not empty ones, nor words under keys of a free list.
test.each([["de", de], ["zh", zh]])("%s says everything that English says", (_, texts) => {
  expect(paths(texts)).toEqual(paths(en));
});

function paths(texts: object, at = ""): string[] {
  return Object.entries(texts).flatMap(([key, value]) => {
    const path = `${at}${key}`;
    if (typeof value === "object") return paths(value as object, `${path}.`);
    return value === "" ? [`${path} is empty`] : [path];
  });
}
