import assert from "node:assert/strict";
import { test } from "node:test";
import { makePod, makeSnapshot, type NodeOptions, type PodOptions } from "../objects-for-tests.ts";
import type { RankingRule } from "../rule.ts";
import { ownConstraints } from "../spread-defaults.ts";
import { imageLocality } from "./image-locality.ts";
import { nodeAffinityPreference } from "./node-affinity-preference.ts";
import { podAffinityPreference } from "./pod-affinity-preference.ts";
import { balancedAllocation, defaultResourceWeights, resourceAllocation } from "./resource-allocation.ts";
import { taintPreference } from "./taint-preference.ts";
import { topologySpreadPreference } from "./topology-spread-preference.ts";

interface Case {
  readonly name: string;
  readonly rule: RankingRule;
  readonly pod: PodOptions;
  readonly nodes: readonly NodeOptions[];
  readonly placed?: Readonly<Record<string, readonly PodOptions[]>>;
  /** The ratings in the order of the nodes; undefined when the rule has none for the pod. */
  readonly ratings: readonly number[] | undefined;
}

const twoNodes = [{ name: "a" }, { name: "b" }];
const mebibyte = 1024 * 1024;
const prefer = (weight: number, key: string, value: string) => ({
  weight,
  preference: { matchExpressions: [{ key, operator: "In", values: [value] }] },
});

const web = { app: "web" };
const spread = (topologyKey: string) => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: "ScheduleAnyway",
  labelSelector: { matchLabels: web },
});
const preferPods = (app: string, weight: number) => ({
  weight,
  podAffinityTerm: { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app } } },
});

const cases: readonly Case[] = [
  {
    name: "an empty node before a used one",
    rule: resourceAllocation({ type: "LeastAllocated", resources: defaultResourceWeights }),
    pod: { requests: { cpu: "1", memory: "2Gi" } },
    nodes: twoNodes,
    placed: { b: [{ requests: { cpu: "2", memory: "2Gi" } }] },
    // a: (75 + 75) / 2; b: (25 + 50) / 2
    ratings: [75, 37],
  },
  {
    name: "a pod that asks for nothing counts as 100m and 200Mi",
    rule: resourceAllocation({ type: "LeastAllocated", resources: defaultResourceWeights }),
    pod: {},
    nodes: twoNodes,
    placed: { b: [{}, {}, {}] },
    // a: (97 + 97) / 2; b: 400m of 4 and 800Mi of 8Gi
    ratings: [97, 90],
  },
  {
    name: "pods that ask for nothing count for a ratio as well",
    rule: resourceAllocation({
      type: "RequestedToCapacityRatio",
      resources: [{ name: "cpu", weight: 1 }],
      shape: [
        { utilization: 0, score: 0 },
        { utilization: 100, score: 10 },
      ],
    }),
    pod: {},
    nodes: twoNodes,
    placed: { b: [{}, {}, {}] },
    // 100m and 400m of 4, in whole percents.
    ratings: [2, 10],
  },
  {
    name: "a node without memory to give is rated by its cpu",
    rule: resourceAllocation({ type: "LeastAllocated", resources: defaultResourceWeights }),
    pod: { requests: { cpu: "1" } },
    nodes: [{ allocatable: { memory: "0" } }],
    ratings: [75],
  },
  {
    name: "a node where cpu and memory are used alike before one where they are not",
    rule: balancedAllocation(defaultResourceWeights),
    pod: { requests: { cpu: "1", memory: "2Gi" } },
    nodes: twoNodes,
    placed: { b: [{ requests: { cpu: "2" } }] },
    // a: 0.25 and 0.25; b: 0.75 and 0.25, so 1 - 0.25
    ratings: [100, 75],
  },
  {
    name: "no rating for a pod that asks for nothing",
    rule: balancedAllocation(defaultResourceWeights),
    pod: {},
    nodes: twoNodes,
    ratings: undefined,
  },
  {
    name: "a node that has the image",
    rule: imageLocality,
    pod: { image: "app:1" },
    nodes: [{ name: "a", images: { "app:1": 2_000 * mebibyte } }, { name: "b" }],
    // On half of the nodes: 1000 MiB count, which is the most.
    ratings: [100, 0],
  },
  {
    name: "an image without a tag is the latest",
    rule: imageLocality,
    pod: { image: "registry:5000/app" },
    nodes: [{ name: "a", images: { "registry:5000/app:latest": 511.5 * mebibyte * 2 } }, { name: "b" }],
    ratings: [50, 0],
  },
  {
    name: "images of init containers and volumes count, those of volumes beside the full cost",
    rule: imageLocality,
    pod: {
      image: "app:1",
      initContainers: [{ name: "init", image: "tools:1" }],
      volumes: [{ name: "model", image: { reference: "model:1" } }],
    },
    nodes: [
      { name: "a", images: { "tools:1": 1_000 * mebibyte } },
      { name: "b", images: { "model:1": 1_000 * mebibyte } },
      { name: "c", images: { "app:1": 1_000 * mebibyte, "tools:1": 1_000 * mebibyte, "model:1": 4_000 * mebibyte } },
    ],
    // Of 2000 MiB for two containers: a 666, b 2666, c 333 + 666 + 2666.
    ratings: [32, 100, 100],
  },
  {
    name: "no rating where no node has an image",
    rule: imageLocality,
    pod: { image: "app:1" },
    nodes: twoNodes,
    ratings: undefined,
  },
  {
    name: "preferred affinity by the sum of its weights",
    rule: nodeAffinityPreference([]),
    pod: {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [prefer(60, "disk", "ssd"), prefer(20, "zone", "x")],
        },
      },
    },
    nodes: [
      { name: "a", labels: { disk: "ssd", zone: "x" } },
      { name: "b", labels: { disk: "ssd" } },
      { name: "c", labels: { zone: "x" } },
      { name: "d" },
    ],
    ratings: [100, 75, 25, 0],
  },
  {
    name: "no rating without preferences",
    rule: nodeAffinityPreference([]),
    pod: { nodeSelector: { disk: "ssd" } },
    nodes: twoNodes,
    ratings: undefined,
  },
  {
    name: "fewer taints that are not tolerated",
    rule: taintPreference,
    pod: { tolerations: [{ key: "fine", operator: "Exists" }] },
    nodes: [
      { name: "a", taints: [{ key: "fine", effect: "PreferNoSchedule" }] },
      { name: "b", taints: [{ key: "slow", effect: "PreferNoSchedule" }] },
      {
        name: "c",
        taints: [
          { key: "slow", effect: "PreferNoSchedule" },
          { key: "old", effect: "PreferNoSchedule" },
        ],
      },
    ],
    ratings: [100, 50, 0],
  },
  {
    name: "no rating where no node has such taints",
    rule: taintPreference,
    pod: {},
    nodes: [{ name: "a", taints: [{ key: "x", effect: "NoSchedule" }] }],
    ratings: undefined,
  },
  {
    name: "zones with fewer of the pods, as far as the constraint minds",
    rule: topologySpreadPreference(ownConstraints),
    pod: { labels: web, topologySpreadConstraints: [spread("zone")] },
    nodes: [
      { name: "a", labels: { zone: "x" } },
      { name: "b", labels: { zone: "y" } },
      { name: "c", labels: { zone: "x" } },
      { name: "d" },
    ],
    placed: { a: [{ labels: web }, { labels: web }, { labels: { app: "db" } }], b: [{ labels: web }] },
    // Two zones weigh log 4: 2 pods count 3, 1 pod counts 1; 100 * (3 + 1 - sum) / 3. Who has no zone is not rated.
    ratings: [33, 100, 33, 0],
  },
  {
    name: "no rating for constraints that must hold",
    rule: topologySpreadPreference(ownConstraints),
    pod: { labels: web, topologySpreadConstraints: [{ ...spread("zone"), whenUnsatisfiable: "DoNotSchedule" }] },
    nodes: twoNodes,
    ratings: undefined,
  },
  {
    name: "near to what the pod prefers, away from what it does not",
    rule: podAffinityPreference({ requiredByOtherWeight: 1, ignorePreferredTermsOfOthers: false }),
    pod: {
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferPods("db", 50)] },
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferPods("web", 50)] },
      },
    },
    nodes: [{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }],
    placed: {
      a: [{ labels: { app: "db" } }],
      b: [{ labels: web }],
      c: [{ labels: { app: "db" } }, { labels: web }],
    },
    ratings: [100, 0, 50, 50],
  },
  {
    name: "near to pods that prefer or require it",
    rule: podAffinityPreference({ requiredByOtherWeight: 1, ignorePreferredTermsOfOthers: false }),
    pod: { labels: web },
    nodes: [{ name: "a" }, { name: "b" }, { name: "c" }],
    placed: {
      a: [{ affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferPods("web", 10)] } } }],
      b: [
        {
          affinity: {
            podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [preferPods("web", 10).podAffinityTerm] },
          },
        },
      ],
    },
    ratings: [100, 10, 0],
  },
  {
    name: "the least of what is preferred counts nothing",
    rule: podAffinityPreference({ requiredByOtherWeight: 1, ignorePreferredTermsOfOthers: false }),
    pod: { affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preferPods("db", 10)] } } },
    nodes: [{ name: "a" }, { name: "b" }, { name: "c" }],
    placed: {
      a: [{ labels: { app: "db" } }],
      b: [{ labels: { app: "db" } }, { labels: { app: "db" } }],
      c: [{ labels: { app: "db" } }, { labels: { app: "db" } }, { labels: { app: "db" } }],
    },
    ratings: [0, 50, 100],
  },
  {
    name: "no rating where no pod says anything",
    rule: podAffinityPreference({ requiredByOtherWeight: 1, ignorePreferredTermsOfOthers: false }),
    pod: { labels: web },
    nodes: twoNodes,
    placed: { a: [{ labels: web }] },
    ratings: undefined,
  },
];

for (const { name, rule, pod, nodes, placed = {}, ratings } of cases) {
  test(`${rule.name}: ${name}`, () => {
    const snapshot = makeSnapshot(nodes, placed);
    const toPlace = makePod(pod);
    const rating = rule.prepare({ pod: toPlace, shape: snapshot.shapes.of(toPlace) }, snapshot);
    const rated = rating && snapshot.nodes.map(rating.rate);
    if (rated) rating?.normalize?.(rated, snapshot.nodes);
    assert.deepEqual(rated, ratings);
  });
}
