import assert from "node:assert/strict";
import { test } from "node:test";
import { BytePool } from "./byte-pool.ts";

test("texts are encoded as UTF-8, each into bytes of its own", () => {
  const pool = new BytePool();
  const texts = Array.from({ length: 1_000 }, (_, index) => `${index} ä€😀 ${"x".repeat(index)}`);
  const encoded = texts.map((text) => pool.encode(text));
  const decoder = new TextDecoder();
  assert.deepEqual(
    encoded.map((bytes) => decoder.decode(bytes)),
    texts,
  );
});

test("small byte arrays share memory, and a large one has its own", () => {
  const pool = new BytePool();
  const [first, second, large] = [pool.take(100), pool.encode("text"), pool.take(100_000)];
  assert.equal(first.buffer, second.buffer);
  assert.deepEqual([first.length, second.length], [100, 4]);
  assert.equal(large.buffer.byteLength, 100_000);
  assert.equal(pool.encode("x".repeat(100_000)).length, 100_000);
});
