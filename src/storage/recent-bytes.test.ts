import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentBytes } from "./recent-bytes.ts";

const mebibyte = 1024 * 1024;

function scene() {
  const forgotten: string[] = [];
  return { forgotten, recent: new RecentBytes(), of: (name: string) => ({ forgetBytes: () => forgotten.push(name) }) };
}

test("bytes are kept up to a size, those encoded last", () => {
  const { forgotten, recent, of } = scene();
  const [first, second] = [of("first"), of("second")];
  recent.note(first, 6 * mebibyte);
  recent.note(second, 6 * mebibyte);
  recent.note(first, 6 * mebibyte);
  assert.deepEqual(forgotten, [], "the same again does not count twice");
  recent.note(of("third"), 6 * mebibyte);
  assert.deepEqual(forgotten, ["second"]);
  recent.note(of("huge"), 20 * mebibyte);
  assert.deepEqual(forgotten, ["second", "first", "third", "huge"], "what is too large by itself is not kept at all");
});

test("all bytes can be let go at once", () => {
  const { forgotten, recent, of } = scene();
  for (const name of ["first", "second"]) recent.note(of(name), 1);
  recent.forgetAll();
  recent.note(of("third"), 1);
  assert.deepEqual(forgotten, ["first", "second"]);
});

test("bytes that are let go make room for others", () => {
  const { forgotten, recent, of } = scene();
  const [first, second, third] = [of("first"), of("second"), of("third")];
  for (const each of [first, second]) recent.note(each, 8 * mebibyte);
  recent.forget(second);
  recent.note(third, 8 * mebibyte);
  assert.deepEqual(forgotten, ["second"]);
});

test("bytes are kept for a number of versions, however small they are", () => {
  const { forgotten, recent, of } = scene();
  for (let at = 0; at < 10_000; at++) recent.note(of(String(at)), 1);
  assert.equal(forgotten.length, 10_000 - 8_192);
  assert.equal(forgotten.at(-1), "1807");
});
