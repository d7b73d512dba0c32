import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "../scheduler/index.ts";
import { renderExplanation } from "./why-text.ts";

const nodes: Explanation["nodes"] = [
  {
    node: "node-1",
    objections: [],
    scores: [
      { rule: "NodeResourcesFit", score: 75, weight: 1 },
      { rule: "TaintToleration", score: 100, weight: 3 },
    ],
  },
  {
    node: "n2",
    objections: [
      { rule: "TaintToleration", reasons: ["node(s) had untolerated taint(s)"] },
      { rule: "NodeResourcesFit", reasons: ["Insufficient cpu", "Insufficient memory"] },
    ],
    scores: [],
  },
];
const pod = { namespace: "default", name: "web", schedulerName: "default-scheduler", nodes };
const now = [
  "",
  'what scheduler "default-scheduler" says of it now, as if it had no node:',
  "  node-1   fits, score 375: NodeResourcesFit 75, TaintToleration 3 × 100",
  "  n2       TaintToleration: node(s) had untolerated taint(s); NodeResourcesFit: Insufficient cpu, Insufficient memory",
];

test("of a pod that has a node why prints when it was chosen, its score, and what every rule says of every node", () => {
  const decision = { time: "2026-01-01T00:00:00Z", attempts: 1, node: "node-1", scores: nodes[0]?.scores ?? [] };
  assert.deepEqual(renderExplanation({ ...pod, node: "node-1", decision }).split("\n"), [
    "pod default/web is on node-1",
    "chosen 2026-01-01T00:00:00Z at the first attempt: node-1, score 375: NodeResourcesFit 75, TaintToleration 3 × 100",
    ...now,
  ]);
});

test("of a pod that has none why prints what it was rejected for, and what it waits for", () => {
  const decision = {
    time: "2026-01-01T00:00:00Z",
    attempts: 3,
    message: "0/6 nodes are available: 6 Insufficient cpu.",
    rejections: [{ rule: "NodeResourcesFit", reason: "Insufficient cpu", nodes: ["a", "b", "c", "d", "e", "f"] }],
  };
  const waiting = "waits for a change that matters to NodeResourcesFit";
  assert.deepEqual(renderExplanation({ ...pod, waiting, decision }).split("\n"), [
    "pod default/web has no node: it waits for a change that matters to NodeResourcesFit",
    "rejected 2026-01-01T00:00:00Z at attempt 3: 0/6 nodes are available: 6 Insufficient cpu.",
    "  NodeResourcesFit: Insufficient cpu (a, b, c, d, e and 1 more)",
    ...now,
  ]);
});
