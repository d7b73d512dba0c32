import assert from "node:assert/strict";
import { test } from "node:test";
import { warn } from "../pipeline/context.ts";
import { warningHeader } from "./resource-writer.ts";

test("warnings that are too long together are cut, each and all, so that clients can read the header", () => {
  const fitting = ["a".repeat(4000), "b".repeat(96)];
  assert.deepEqual(
    warningHeader(fitting).warning,
    fitting.map((each) => `299 - "${each}"`),
  );
  const { warning } = warningHeader([...fitting, "c", "d".repeat(100_000), ...Array(100).fill("e".repeat(1000))]);
  const lengths = (warning as readonly string[]).map((each) => each.length - `299 - ""`.length);
  assert.deepEqual(lengths, [256, 96, 1, ...Array(15).fill(256)]);
});

test("what warns without end is not listened to without end", () => {
  const warnings: string[] = [];
  for (let at = 0; at < 100_000; at++) warn({ warnings }, `sentence ${at}`);
  assert.equal(warnings.length, 4096);
});

test("each sentence is told once, and none that says nothing", () => {
  const warnings: string[] = [];
  for (const sentence of ["a", "", "b", "a"]) warn({ warnings }, sentence);
  assert.deepEqual(warnings, ["a", "b"]);
});

test("a warning arrives as it was, in UTF-8, without what no header holds", () => {
  const [warning = ""] = warningHeader(['größe "名前"\r\nX: y\x85']).warning as readonly string[];
  assert.equal(Buffer.from(warning, "latin1").toString(), '299 - "größe \\"名前\\"??X: y?"');
});
