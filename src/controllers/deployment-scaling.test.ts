import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../api/index.ts";
import { maxSurge, maxUnavailable, newestReplicas, type PlannedSet, rescale, roll } from "./deployment-scaling.ts";

interface Strategy {
  readonly surge?: number | string;
  readonly unavailable?: number | string;
  readonly type?: string;
}

function deployment(replicas: number, { surge = "25%", unavailable = "25%", type = "RollingUpdate" }: Strategy = {}) {
  const rollingUpdate = { maxSurge: surge, maxUnavailable: unavailable };
  return { spec: { replicas, strategy: { type, rollingUpdate } }, status: {} } as unknown as Deployment; // what is read
}

/** A set of `replicas` of which `available` serve; `max` is what the Deployment allowed when it was scaled. */
function set(name: string, replicas: number, available = replicas, desired = 10, max = 13): PlannedSet {
  const existing = {
    metadata: {
      name,
      creationTimestamp: `2026-01-01T00:00:0${name.slice(-1)}Z`,
      annotations: {
        "deployment.kubernetes.io/desired-replicas": String(desired),
        "deployment.kubernetes.io/max-replicas": String(max),
      },
    },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  } as unknown as ReplicaSet; // what is read
  return { name, existing, replicas, annotations: {} };
}

const bounds: readonly [replicas: number, Strategy, surge: number, unavailable: number][] = [
  [10, {}, 3, 2],
  [1, {}, 1, 0],
  [3, { surge: 0, unavailable: 1 }, 0, 1],
  [3, { surge: 0, unavailable: "10%" }, 0, 1],
  [3, { surge: "100%", unavailable: "100%" }, 3, 3],
  [2, { surge: 0, unavailable: 5 }, 0, 2],
  [0, {}, 0, 0],
  [5, { type: "Recreate" }, 0, 0],
];

for (const [replicas, strategy, surge, unavailable] of bounds) {
  test(`${replicas} replicas with ${JSON.stringify(strategy)}: ${surge} more, ${unavailable} less`, () => {
    const of = deployment(replicas, strategy);
    assert.deepEqual([maxSurge(of), maxUnavailable(of)], [surge, unavailable]);
  });
}

test("the newest set grows into the room that is left, to what is desired", () => {
  const of = deployment(10, { surge: 3, unavailable: 2 });
  const cases: readonly [old: number, newest: number, next: number][] = [
    [0, 0, 10],
    [10, 0, 3],
    [8, 5, 5],
    [2, 5, 10],
    [20, 0, 0],
  ];
  for (const [old, newest, next] of cases) {
    const growing = set("n2", newest);
    assert.equal(newestReplicas(of, [set("o1", old), growing], growing), next, `${old} old, ${newest} new`);
  }
});

test("a step of a rollout", () => {
  const of = deployment(10, { surge: 3, unavailable: 2 });
  const cases: readonly [why: string, old: PlannedSet[], newest: PlannedSet, after: number[]][] = [
    ["up first", [set("o1", 10)], set("n2", 0), [10, 3]],
    [
      "nothing while the new pods are not available and no more may be missing",
      [set("o1", 8)],
      set("n2", 5, 0),
      [8, 5],
    ],
    ["down by what the new pods have become", [set("o1", 8)], set("n2", 5, 5), [3, 5]],
    ["not by pods that are to go already and still counted", [set("o1", 7, 8)], set("n2", 6), [2, 6]],
    ["unhealthy old pods first", [set("o1", 10, 4)], set("n2", 3, 0), [8, 3]],
    ["of several old sets the oldest first", [set("o2", 4), set("o1", 4)], set("n3", 5, 5), [3, 0, 5]],
    ["the newest down when it is too large", [set("o1", 2)], set("n2", 12), [2, 10]],
  ];
  for (const [why, old, newest, after] of cases) {
    roll(of, newest, old);
    const sizes = [...old, newest].map(({ replicas }) => replicas);
    assert.deepEqual(sizes, after, why);
  }
});

test("a new desired number", () => {
  const rolling: Strategy = { surge: 3, unavailable: 2 };
  const cases: readonly [why: string, desired: number, old: PlannedSet[], newest: PlannedSet, after: number[]][] = [
    ["goes to the only active set", 4, [set("o1", 0)], set("n2", 10), [0, 4]],
    ["is shared in proportion going up", 30, [set("o1", 8)], set("n2", 5), [20, 13]],
    ["is shared in proportion going down", 5, [set("o1", 8)], set("n2", 5), [5, 3]],
    ["leaves what rounding left to the largest", 11, [set("o1", 4), set("o2", 4)], set("n3", 5), [4, 4, 6]],
    ["is zero for all when it is zero", 0, [set("o1", 8)], set("n2", 5), [0, 0]],
    ["ends the old sets when the newest has it already", 10, [set("o1", 3)], set("n2", 10), [0, 10]],
  ];
  for (const [why, desired, old, newest, after] of cases) {
    rescale(deployment(desired, rolling), newest, old);
    assert.deepEqual(
      [...old, newest].map(({ replicas }) => replicas),
      after,
      why,
    );
  }
});
