import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/index.ts";
import { type Random, seededRandom } from "../lib/index.ts";
import {
  defaultProfile,
  makeNode,
  makePod,
  makeSnapshot,
  type NodeOptions,
  type PodOptions,
} from "./objects-for-tests.ts";
import { Planner } from "./planner.ts";
import { findRemedy } from "./remedies.ts";
import { checkOf } from "./rule.ts";
import type { Snapshot } from "./snapshot.ts";

const profile = defaultProfile();

function makePlanner(snapshot: Snapshot, seed = 1): Planner {
  return new Planner(snapshot, profile, seededRandom(seed));
}

function plan(snapshot: Snapshot, pod: Pod, planner = makePlanner(snapshot)): string {
  const found = planner.plan(pod);
  if ("nodeName" in found) return found.nodeName;
  const profile = defaultProfile(snapshot);
  const toPlace = { pod, shape: snapshot.shapes.of(pod) };
  const { message } = findRemedy(profile.postFilter, toPlace, found.diagnosis, () => planner.checkFor(pod));
  return found.diagnosis.message(message);
}

const noVictims = "No preemption victims found for incoming pod";
const notHelpful = "Preemption is not helpful for scheduling";

const messages: readonly {
  readonly name: string;
  readonly nodes: readonly NodeOptions[];
  readonly pod: PodOptions;
  readonly placed?: Readonly<Record<string, readonly PodOptions[]>>;
  readonly message: string;
}[] = [
  { name: "no nodes", nodes: [], pod: {}, message: "no nodes available to schedule pods" },
  {
    name: "a node that is full and nodes that are not for the pod",
    nodes: [
      { name: "a" },
      { name: "b" },
      { name: "c", taints: [{ key: "k", effect: "NoSchedule" }] },
      { name: "d", unschedulable: true },
    ],
    placed: { a: [{ requests: { cpu: "3" } }], b: [{ requests: { cpu: "4" } }] },
    pod: { requests: { cpu: "2" } },
    message:
      "0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu." +
      ` no new claims to deallocate, preemption: 0/4 nodes are available: 2 ${noVictims}, 2 ${notHelpful}.`,
  },
  {
    name: "a node that lacks two resources counts for both",
    nodes: [{}],
    pod: { requests: { cpu: "64", memory: "64Gi" } },
    message:
      "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory." +
      ` no new claims to deallocate, preemption: 0/1 nodes are available: 1 ${notHelpful}.`,
  },
  {
    name: "a pod that must not preempt",
    nodes: [{}],
    pod: { nodeSelector: { disk: "ssd" }, preemptionPolicy: "Never" },
    message:
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector." +
      " no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.",
  },
];

for (const { name, nodes, pod, placed = {}, message } of messages) {
  test(`says why there is no node: ${name}`, () => {
    assert.equal(plan(makeSnapshot(nodes, placed), makePod(pod)), message);
  });
}

function named(nodeName: string): PodOptions {
  const nodeSelectorTerms = [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }];
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    requests: { cpu: "1" },
  };
}

test("a pod that names its node by affinity, as those of DaemonSets, goes there or says why not", () => {
  const snapshot = makeSnapshot([{ name: "a" }, { name: "b" }, { name: "c" }], { b: [{ requests: { cpu: "4" } }] });
  assert.equal(plan(snapshot, makePod(named("a"))), "a");
  assert.match(
    plan(snapshot, makePod(named("b"))),
    /^0\/3 nodes are available: 1 Insufficient cpu, 2 node\(s\) didn't satisfy plugin\(s\) \[NodeAffinity\]\. /,
  );
  assert.match(plan(snapshot, makePod(named("gone"))), /^0\/3 nodes are available: 3 node\(s\) didn't satisfy/);
  const [one, other] = ["a", "c"].map((name) => ({ key: "metadata.name", operator: "In", values: [name] }));
  const nodeSelectorTerms = [{ matchFields: [one!, other!] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  assert.equal(
    plan(snapshot, makePod({ affinity: { nodeAffinity } })),
    "0/3 nodes are available: pod affinity terms conflict. not found",
  );
});

test("like pods spread over like nodes", () => {
  const snapshot = makeSnapshot(Array.from({ length: 10 }, (_, index) => ({ name: `node-${index}` })));
  const planner = makePlanner(snapshot, 3);
  for (let index = 0; index < 30; index++) {
    const pod = makePod({ name: `pod-${index}`, requests: { cpu: "100m", memory: "100Mi" } });
    snapshot.place(pod, plan(snapshot, pod, planner));
  }
  assert.deepEqual(
    snapshot.nodes.map((node) => node.pods.size),
    new Array(10).fill(3),
  );
});

test("among equals each node has its chance", () => {
  const snapshot = makeSnapshot(Array.from({ length: 5 }, (_, index) => ({ name: `node-${index}` })));
  const chosen = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    chosen.add(plan(snapshot, makePod(), makePlanner(snapshot, seed)));
  }
  assert.equal(chosen.size, 5);
});

test("a preferred node wins, and a soft taint repels", () => {
  const snapshot = makeSnapshot([
    { name: "a", taints: [{ key: "k", effect: "PreferNoSchedule" }] },
    { name: "b", labels: { disk: "ssd" } },
    { name: "c" },
  ]);
  const preference = { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] };
  const affinity = {
    nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] },
  };
  assert.equal(plan(snapshot, makePod({ affinity })), "b");
  const taken = makeSnapshot([{ name: "a", taints: [{ key: "k", effect: "PreferNoSchedule" }] }, { name: "b" }], {
    b: Array.from({ length: 10 }, () => ({ requests: { cpu: "300m" } })),
  });
  assert.equal(plan(taken, makePod()), "b");
});

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;

/** A change of the cluster by chance. */
function changeSomething(snapshot: Snapshot, random: Random, step: number): void {
  const kind = random.next();
  if (kind < 0.5 && snapshot.nodes.length > 0) {
    const requests = { cpu: pick(random, ["100m", "500m", "2"]), memory: pick(random, ["64Mi", "1Gi", "3Gi"]) };
    const labels = { app: pick(random, ["web", "db", "cache"]) };
    snapshot.place(makePod({ name: `other-${step}`, requests, labels }), pick(random, snapshot.nodes).name);
  } else if (kind < 0.7) {
    snapshot.unplace(`uid-of-default-other-${Math.floor(random.next() * step)}`);
  } else if (kind < 0.9) {
    snapshot.setNode(
      makeNode({
        name: `node-${Math.floor(random.next() * 12)}`,
        allocatable: { cpu: pick(random, ["2", "4", "8"]) },
        unschedulable: random.next() < 0.2,
        taints: random.next() < 0.2 ? [{ key: "k", effect: pick(random, ["NoSchedule", "PreferNoSchedule"]) }] : [],
        images: random.next() < 0.5 ? { "app:1": pick(random, [100e6, 4e9]) } : {},
      }),
    );
  } else {
    snapshot.removeNode(`node-${Math.floor(random.next() * 12)}`);
  }
}

const topologyKey = "kubernetes.io/hostname";
const apartFromWeb: PodOptions = {
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { app: "web" } } }],
    },
  },
};
const spreadWithDb: PodOptions = {
  topologySpreadConstraints: [
    { topologyKey, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: { app: "db" } } },
  ],
};

test("an order of nodes that is kept up to date gives what a fresh one would give", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = seededRandom(seed);
    const snapshot = makeSnapshot(Array.from({ length: 8 }, (_, index) => ({ name: `node-${index}` })));
    const planner = makePlanner(snapshot);
    for (let step = 0; step < 300; step++) {
      for (let changes = Math.floor(random.next() * 4); changes > 0; changes--) {
        changeSomething(snapshot, random, step);
      }
      const pod = makePod({
        name: `pod-${step}`,
        image: "app:1",
        requests: pick(random, [{}, { cpu: "200m" }, { cpu: "1", memory: "1Gi" }, { cpu: "7" }]),
        ...pick(random, [{}, apartFromWeb, spreadWithDb]),
      });
      const kept = plan(snapshot, pod, planner);
      const best = bestNodes(snapshot, pod);
      if (best.length > 0) assert.ok(best.includes(kept), `seed ${seed}, step ${step}: ${kept} is not among ${best}`);
      else assert.equal(kept, plan(snapshot, pod), `seed ${seed}, step ${step}`);
    }
  }
});

/** The names of the nodes that rank highest, by the rules and nothing else. */
function bestNodes(snapshot: Snapshot, pod: Pod): string[] {
  const toPlace = { pod, shape: snapshot.shapes.of(pod) };
  const checks = profile.filters.map((rule) => checkOf(rule, toPlace, snapshot));
  const nodes = snapshot.nodes.filter((node) => checks.every((check) => check(node) === undefined));
  const sums = nodes.map(() => 0);
  for (const { rule, weight } of profile.scores) {
    const rating = rule.prepare(toPlace, snapshot);
    const rated = nodes.map((node) => rating?.rate(node) ?? 0);
    rating?.normalize?.(rated, nodes);
    for (const [index, each] of rated.entries()) sums[index]! += weight * each;
  }
  const highest = Math.max(...sums);
  return nodes.filter((_, index) => sums[index] === highest).map((node) => node.name);
}
