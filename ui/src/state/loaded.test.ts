import { expect, test } from "vitest";

import { Failure } from "../backend/backend";
import { Action } from "./action.svelte";
import { Loaded } from "./loaded.svelte";

test("an answer that comes late does not overwrite a newer one", async () => {
  const answers: ((value: string) => void)[] = [];
  const loaded = new Loaded(() => new Promise<string>((answer) => answers.push(answer)));
  const both = [loaded.load(), loaded.load()];
  answers[1]?.("new");
  answers[0]?.("old");
  await Promise.all(both);
  expect(loaded.value).toBe("new");
});

test("a failure keeps the last good value", async () => {
  let good = true;
  const loaded = new Loaded(async () => {
    if (!good) throw new Failure("vault", "no");
    return 1;
  });
  await loaded.load();
  good = false;
  await loaded.load();
  expect([loaded.value, loaded.failure?.code]).toEqual([1, "vault"]);
  good = true;
  await loaded.load();
  expect(loaded.failure).toBeUndefined();
});

test("an action runs once at a time and tells how it failed", async () => {
  const action = new Action();
  let runs = 0;
  const slow = () => Promise.resolve().then(() => (runs += 1));
  await Promise.all([action.run(slow), action.run(slow)]);
  expect(runs).toBe(1);
  const refused = new Failure("name-taken", "taken");
  expect(await action.run(() => Promise.reject(refused))).toBeUndefined();
  expect([action.failure, action.busy]).toEqual([refused, false]);
});
