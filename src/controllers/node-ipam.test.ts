import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../api/index.ts";
import { parseRange } from "../lib/index.ts";
import { freePart } from "./node-ipam.ts";

const range = (text: string) => parseRange(text)!;
const node = (podCIDR?: string) =>
  ({ metadata: { name: "n" }, spec: podCIDR ? { podCIDR } : {}, status: {} }) as unknown as Node;

test("a node gets the first part of the pod range that is free", () => {
  assert.equal(freePart(range("10.42.0.0/16"), [node("10.42.0.0/24"), node(), node("10.42.2.0/24")]), "10.42.1.0/24");
});

test("when all parts are given out there is none", () => {
  assert.equal(freePart(range("10.42.0.0/23"), [node("10.42.0.0/24"), node("10.42.1.0/24")]), undefined);
});

test("a range smaller than a node's part goes to one node whole", () => {
  assert.equal(freePart(range("10.42.0.0/26"), []), "10.42.0.0/26");
});
