import assert from "node:assert/strict";
import { test } from "node:test";
import { nodesText } from "./nodes-text.ts";

const nodes = (count: number, isReady: (at: number) => boolean) =>
  Array.from({ length: count }, (_, at) => ({ name: `node-${at}`, ready: isReady(at), address: `10.0.0.${at}` }));

test("a few nodes are told one by one", () => {
  assert.deepEqual(nodesText(nodes(2, (at) => at === 0)), [
    ["node", "node-0 Ready 10.0.0.0"],
    ["node", "node-1 NotReady 10.0.0.1"],
  ]);
});

test("many nodes are counted, and only some that are not ready are told", () => {
  assert.deepEqual(nodesText(nodes(200, (at) => at !== 7)), [
    ["nodes", "200, of them 199 Ready"],
    ["node", "node-7 NotReady 10.0.0.7"],
  ]);
  assert.equal(nodesText(nodes(200, () => false)).length, 11);
});
