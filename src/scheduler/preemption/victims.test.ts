import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../lib/index.ts";
import { defaultProfile, makePod, makeSnapshot, type NodeOptions, type PodOptions } from "../objects-for-tests.ts";
import { Planner } from "../planner.ts";
import { type Budget, type Candidate, leastLoss, selectVictims } from "./victims.ts";

interface Case {
  readonly name: string;
  readonly pod: PodOptions;
  readonly nodes?: readonly NodeOptions[];
  readonly placed: Readonly<Record<string, readonly PodOptions[]>>;
  readonly budgets?: readonly Budget[];
  /** The victims by node, or why there are none. */
  readonly victims: Readonly<Record<string, readonly string[]>>;
  readonly chosen?: string;
}

const needs = (cpu: string) => ({ requests: { cpu } });
const budget = (app: string, disruptionsAllowed: number, disruptedPods: readonly string[] = []): Budget => ({
  namespace: "default",
  requirements: [{ key: "app", operator: "=", values: [app] }],
  disruptionsAllowed,
  disruptedPods: new Set(disruptedPods),
});
const term = (app: string, topologyKey: string) => ({ topologyKey, labelSelector: { matchLabels: { app } } });

const cases: readonly Case[] = [
  {
    name: "no more go than must",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "a", ...needs("1"), priority: 1 },
        { name: "b", ...needs("1"), priority: 1 },
        { name: "c", ...needs("1"), priority: 1 },
        { name: "d", ...needs("1"), priority: 1 },
      ],
    },
    victims: { node: ["c", "d"] },
    chosen: "node",
  },
  {
    name: "the less important go first, and of equals the younger",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "high", ...needs("1"), priority: 5 },
        { name: "old", ...needs("1"), priority: 1, startTime: "2026-01-01T00:00:00Z" },
        { name: "young", ...needs("1"), priority: 1, startTime: "2026-01-02T00:00:00Z" },
        { name: "low", ...needs("1"), priority: 0 },
      ],
    },
    victims: { node: ["young", "low"] },
    chosen: "node",
  },
  {
    name: "equals and betters are not ended",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "same", ...needs("3"), priority: 10 },
        { name: "low", ...needs("1"), priority: 1 },
      ],
    },
    victims: { node: ["Insufficient cpu"] },
  },
  {
    name: "a node without anything lower has nobody to end",
    pod: needs("2"),
    placed: { node: [{ name: "a", ...needs("3") }] },
    victims: { node: [] },
  },
  {
    name: "those whose budget is used up go last",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "guarded", ...needs("2"), labels: { app: "guarded" }, priority: 1 },
        { name: "free", ...needs("2"), priority: 5 },
      ],
    },
    budgets: [budget("guarded", 0)],
    victims: { node: ["free"] },
    chosen: "node",
  },
  {
    name: "a pod without labels is in no budget",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "bare", ...needs("2"), priority: 1 },
        { name: "free", ...needs("2"), priority: 5 },
      ],
    },
    budgets: [{ ...budget("guarded", 0), requirements: [{ key: "app", operator: "!", values: [] }] }],
    victims: { node: ["bare"] },
    chosen: "node",
  },
  {
    name: "a budget that has counted the pod already does not guard it",
    pod: { ...needs("2"), priority: 10 },
    placed: {
      node: [
        { name: "guarded", ...needs("2"), labels: { app: "guarded" }, priority: 1 },
        { name: "free", ...needs("2"), priority: 5 },
      ],
    },
    budgets: [budget("guarded", 0, ["guarded"])],
    victims: { node: ["guarded"] },
    chosen: "node",
  },
  {
    name: "the node with the fewest broken budgets is chosen, though others would cost less",
    pod: { ...needs("4"), priority: 10 },
    nodes: [{ name: "x" }, { name: "y" }],
    placed: {
      x: [{ name: "guarded", ...needs("4"), labels: { app: "guarded" }, priority: 1 }],
      y: [
        { name: "free-1", ...needs("2"), priority: 9 },
        { name: "free-2", ...needs("2"), priority: 9 },
      ],
    },
    budgets: [budget("guarded", 0)],
    victims: { x: ["guarded"], y: ["free-1", "free-2"] },
    chosen: "y",
  },
  {
    name: "then the lowest of the highest priorities",
    pod: { ...needs("4"), priority: 10 },
    nodes: [{ name: "x" }, { name: "y" }],
    placed: {
      x: [{ name: "one", ...needs("4"), priority: 5 }],
      y: [
        { name: "two", ...needs("2"), priority: 4 },
        { name: "three", ...needs("2"), priority: 4 },
      ],
    },
    victims: { x: ["one"], y: ["two", "three"] },
    chosen: "y",
  },
  {
    name: "then the lowest sum of priorities, where one of lower priority costs less than two",
    pod: { ...needs("4"), priority: 10 },
    nodes: [{ name: "x" }, { name: "y" }],
    placed: {
      x: [
        { name: "a", ...needs("2"), priority: -5 },
        { name: "b", ...needs("2"), priority: -5 },
      ],
      y: [{ name: "c", ...needs("4"), priority: -5 }],
    },
    victims: { x: ["a", "b"], y: ["c"] },
    chosen: "y",
  },
  {
    name: "then the latest start of the most important victims",
    pod: { ...needs("4"), priority: 10 },
    nodes: [{ name: "x" }, { name: "y" }],
    placed: {
      x: [{ name: "old", ...needs("4"), priority: 1, startTime: "2026-01-01T00:00:00Z" }],
      y: [{ name: "young", ...needs("4"), priority: 1, startTime: "2026-01-02T00:00:00Z" }],
    },
    victims: { x: ["old"], y: ["young"] },
    chosen: "y",
  },
  {
    name: "a pod that must be apart from another of lower priority sends it away",
    pod: {
      priority: 10,
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term("db", "zone")] } },
    },
    nodes: [{ name: "x", labels: { zone: "1" } }],
    placed: {
      x: [
        { name: "db", labels: { app: "db" }, priority: 1 },
        { name: "web", labels: { app: "web" }, priority: 1 },
      ],
    },
    victims: { x: ["db"] },
    chosen: "x",
  },
  {
    name: "one that another node's pod keeps from the zone is not helped",
    pod: {
      priority: 10,
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term("db", "zone")] } },
    },
    nodes: [
      { name: "x", labels: { zone: "1" } },
      { name: "y", labels: { zone: "1" } },
    ],
    placed: { x: [{ name: "db", labels: { app: "db" }, priority: 1 }], y: [{ name: "web", priority: 1 }] },
    victims: { x: ["db"], y: ["node(s) didn't match pod anti-affinity rules"] },
    chosen: "x",
  },
  {
    name: "pods of one workload make way for another of it where they are too many",
    pod: {
      priority: 10,
      labels: { app: "web" },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "zone",
          whenUnsatisfiable: "DoNotSchedule",
          labelSelector: { matchLabels: { app: "web" } },
        },
      ],
      ...needs("1"),
    },
    nodes: [
      { name: "x", labels: { zone: "1" } },
      { name: "y", labels: { zone: "2" }, allocatable: { cpu: "100m" } },
    ],
    placed: { x: [{ name: "web", labels: { app: "web" }, priority: 1 }] },
    victims: { x: ["web"] },
    chosen: "x",
  },
];

for (const { name, pod, nodes = [{ name: "node" }], placed, budgets = [], victims, chosen } of cases) {
  test(`victims: ${name}`, () => {
    const snapshot = makeSnapshot(nodes, placed);
    const preemptor = makePod(pod);
    const fits = new Planner(snapshot, defaultProfile(snapshot), seededRandom(1)).checkFor(preemptor);
    const candidates: Candidate[] = [];
    const found: Record<string, readonly string[]> = {};
    for (const node of snapshot.nodes) {
      if (!Object.hasOwn(victims, node.name)) continue;
      const selected = selectVictims(preemptor, node, fits, budgets);
      if (selected === undefined) found[node.name] = [];
      else if ("reasons" in selected) found[node.name] = selected.reasons;
      else {
        candidates.push(selected);
        found[node.name] = selected.victims.map((victim) => victim.pod.metadata.name);
      }
    }
    assert.deepEqual(found, victims);
    assert.equal(leastLoss(candidates)?.node.name, chosen);
  });
}
