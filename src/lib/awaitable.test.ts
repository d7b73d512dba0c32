import assert from "node:assert/strict";
import { test } from "node:test";
import { firstAnswer, whenThere } from "./awaitable.ts";

test("what is there is used at once, what comes later when it comes", async () => {
  assert.equal(
    whenThere(20, (value) => value + 1),
    21,
  );
  assert.equal(await whenThere(Promise.resolve(20), (value) => value + 1), 21);
});

test("the first answer ends the asking, whether it is there or comes later", async () => {
  const asked: string[] = [];
  const answers = { none: undefined, now: "now", later: Promise.resolve("later"), never: Promise.resolve(undefined) };
  const ask = (name: keyof typeof answers) => {
    asked.push(name);
    return answers[name];
  };
  assert.equal(firstAnswer(["none", "now", "later"] as const, ask), "now");
  assert.equal(await firstAnswer(["never", "none", "later", "now"] as const, ask), "later");
  assert.equal(await firstAnswer(["none", "never"] as const, ask), undefined);
  assert.deepEqual(asked, ["none", "now", "never", "none", "later", "none", "never"]);
});
