import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../api/index.ts";
import { desiredReplicasOf } from "./deployment-annotations.ts";
import { Conditions, countedStatus } from "./deployment-status.ts";

const set = (name: string, status: object, annotations = {}) =>
  ({ metadata: { name, annotations }, spec: { replicas: 1 }, status }) as unknown as ReplicaSet; // what is read

test("pods that end are counted where each set that was looked at reports them", () => {
  const deployment = { metadata: {}, spec: { replicas: 1 }, status: {} } as unknown as Deployment; // what is read
  const [three, one] = [3, 1].map((terminatingReplicas) =>
    set(`s${terminatingReplicas}`, { observedGeneration: 1, terminatingReplicas }),
  );
  const [fresh, silent] = [set("fresh", {}), set("silent", { observedGeneration: 1 })];
  const count = (...sets: readonly (ReplicaSet | undefined)[]) =>
    countedStatus(
      deployment,
      sets.map((existing) => ({ name: "s", replicas: 1, annotations: {}, ...(existing ? { existing } : {}) })),
      undefined,
      new Conditions([], 0),
    ).terminatingReplicas;
  assert.deepEqual(
    [count(three), count(three, one), count(fresh), count(three, one, fresh), count(silent), count(three, silent)],
    [3, 4, 0, 4, undefined, undefined],
  );
});

test("a number in an annotation is one of 31 bits, and not negative", () => {
  const numbers = ["invalid", "-1", "0", "13", "2147483647", "2147483648", "4294967296"].map((text) =>
    desiredReplicasOf(set("s", {}, { "deployment.kubernetes.io/desired-replicas": text })),
  );
  assert.deepEqual(numbers, [undefined, undefined, 0, 13, 2147483647, undefined, undefined]);
});
