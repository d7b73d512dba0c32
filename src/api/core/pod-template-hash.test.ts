import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodTemplateSpec } from "../types.generated.ts";
import { podTemplateHash } from "./pod-template-hash.ts";

const template = (image: string) =>
  ({
    metadata: { labels: { a: "1", b: "2" } },
    spec: { containers: [{ name: "web", image }] },
  }) as unknown as PodTemplateSpec;

test("equal templates have equal hashes, whatever the order of their keys", () => {
  const other = {
    spec: { containers: [{ image: "nginx", name: "web" }] },
    metadata: { labels: { b: "2", a: "1" }, name: undefined },
  } as unknown as PodTemplateSpec;
  assert.equal(podTemplateHash(template("nginx")), podTemplateHash(other));
  assert.match(podTemplateHash(other), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});

test("another template or collision count has another hash", () => {
  const hash = podTemplateHash(template("nginx"));
  assert.notEqual(podTemplateHash(template("nginx:2")), hash);
  assert.notEqual(podTemplateHash(template("nginx"), 1), hash);
  assert.notEqual(podTemplateHash(template("nginx"), 1), podTemplateHash(template("nginx"), 2));
});
