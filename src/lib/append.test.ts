import assert from "node:assert/strict";
import { test } from "node:test";
import { append } from "./append.ts";

test("a list takes as many elements of others as there are", () => {
  const list = ["first"];
  append(list, new Array(200_000).fill("a"), [], ["last"]);
  assert.equal(list.length, 200_002);
  assert.equal(list.at(-1), "last");
});
