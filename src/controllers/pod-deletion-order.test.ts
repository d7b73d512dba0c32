import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/index.ts";
import { timestamp } from "../lib/index.ts";
import { podsToDelete } from "./pod-deletion-order.ts";

const nowMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;

interface Traits {
  readonly node?: string;
  readonly phase?: string;
  readonly readySinceMs?: number;
  readonly createdMs?: number;
  readonly restarts?: number;
  readonly sidecarRestarts?: number;
  readonly cost?: string;
  readonly uid?: string;
}

function pod(name: string, traits: Traits = {}): Pod {
  const { node = "n", phase = "Running", readySinceMs, createdMs = nowMs - hourMs, restarts = 0, cost } = traits;
  return {
    metadata: {
      name,
      uid: traits.uid ?? name,
      resourceVersion: "1",
      creationTimestamp: timestamp(createdMs),
      annotations: cost === undefined ? {} : { "controller.kubernetes.io/pod-deletion-cost": cost },
    },
    spec: {
      containers: [],
      initContainers: [{ name: "init" }, { name: "sidecar", restartPolicy: "Always" }],
      nodeName: node,
    },
    status: {
      phase,
      containerStatuses: [{ name: "c", restartCount: restarts, ready: true, image: "", imageID: "" }],
      initContainerStatuses: [
        { name: "init", restartCount: 5 - (traits.sidecarRestarts ?? 0) },
        { name: "sidecar", restartCount: traits.sidecarRestarts ?? 0 },
      ],
      conditions:
        readySinceMs === undefined
          ? []
          : [{ type: "Ready", status: "True", lastTransitionTime: timestamp(readySinceMs) }],
    },
    // What the order does not look at is left out.
  } as unknown as Pod;
}

const ready = (traits: Traits = {}) => ({ readySinceMs: nowMs - hourMs, ...traits });

const pairs: readonly [why: string, first: Pod, second: Pod][] = [
  ["a pod without a node before one that has one", pod("a", ready({ node: "" })), pod("b", { phase: "Pending" })],
  ["a pending pod before a running one", pod("z", { phase: "Pending" }), pod("b")],
  ["one of unknown phase before a running one", pod("z", { phase: "Unknown" }), pod("b")],
  ["one that is not ready before a ready one", pod("z"), pod("b", ready({ restarts: 9 }))],
  ["the cheaper one, even below zero", pod("z", ready({ cost: "-5" })), pod("b", ready())],
  ["one that shares its node with more of its kind", pod("z", ready({ node: "full" })), pod("b", ready())],
  ["the one that became ready later", pod("z", ready({ readySinceMs: nowMs - 60_000 })), pod("b", ready())],
  ["the one that restarted more often", pod("z", ready({ restarts: 3 })), pod("b", ready())],
  [
    "the one that restarted more often, before its sidecars",
    pod("z", ready({ restarts: 3 })),
    pod("b", ready({ sidecarRestarts: 4 })),
  ],
  ["the one whose sidecars restarted more often", pod("z", ready({ sidecarRestarts: 1 })), pod("b", ready())],
  ["the younger one", pod("z", { createdMs: nowMs - 60_000 }), pod("b")],
];

for (const [why, first, second] of pairs) {
  test(`first goes ${why}`, () => {
    const family = [pod("neighbour", { node: "full" }), pod("other", { node: "full" }), first, second];
    assert.deepEqual(podsToDelete([second, first], 1, family, nowMs), [first]);
    assert.deepEqual(podsToDelete([first, second], 1, family, nowMs), [first]);
  });
}

test("ages of one power of two count as equal: the uid decides", () => {
  const older = pod("older", ready({ readySinceMs: nowMs - 70 * 60_000, uid: "a" }));
  const younger = pod("younger", ready({ readySinceMs: nowMs - 65 * 60_000, uid: "b" }));
  assert.deepEqual(podsToDelete([younger, older], 1, [], nowMs), [older]);
});

test("when all must go the order does not matter", () => {
  const pods = [pod("a"), pod("b")];
  assert.equal(podsToDelete(pods, 5, [], nowMs), pods);
});
