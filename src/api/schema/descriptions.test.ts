import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describe } from "./descriptions.ts";
import { definitions, resourceFacts } from "./facts.ts";
import { shortName } from "./go-types.ts";

test("every kind with a path is described", () => {
  for (const { definition } of resourceFacts) assert.ok(describe(definition), definition);
});

test("every sentence is about something that exists, once", () => {
  const names = new Set<string>();
  for (const [name, schema] of Object.entries(definitions)) {
    names.add(shortName(name));
    for (const field of Object.keys(schema.properties ?? {})) names.add(`${shortName(name)}.${field}`);
  }
  const source = readFileSync(new URL("descriptions.ts", import.meta.url), "utf8");
  const keys = [...source.matchAll(/^([a-z]+\.v\d\.[\w.]+): \S/gm)].map((match) => match[1]!);
  assert.ok(keys.length > 200);
  for (const key of keys) assert.ok(names.has(key), key);
  assert.equal(new Set(keys).size, keys.length);
});

test("fields without a sentence of their own have that of their name", () => {
  assert.equal(describe("io.k8s.api.core.v1.Pod", "spec"), "What is wanted.");
  assert.match(describe("io.k8s.api.core.v1.PodSpec", "nodeName") ?? "", /^The node/);
  assert.equal(describe("io.k8s.api.core.v1.PodSpec", "constructor"), undefined);
});
