import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Taint } from "../api/index.ts";
import { silentConditions, wantedTaints } from "./node-conditions.ts";

const nowMs = Date.UTC(2026, 0, 1);
const now = "2026-01-01T00:00:00Z";

function node(
  ready: string | undefined,
  more: { taints?: Taint[]; zone?: string; spec?: object; other?: string } = {},
) {
  const { taints, zone = "z", spec = {}, other } = more;
  return {
    metadata: {
      name: "n",
      labels: { "topology.kubernetes.io/zone": zone },
      creationTimestamp: "2025-12-31T00:00:00Z",
    },
    spec: { ...spec, ...(taints ? { taints } : {}) },
    status: {
      conditions: [
        ...(ready === undefined ? [] : [{ type: "Ready", status: ready, lastHeartbeatTime: "2025-12-31T23:00:00Z" }]),
        ...(other === undefined ? [] : [{ type: other, status: "True" }]),
      ],
    },
  } as unknown as Node; // only what is looked at
}

const taint = (name: string, effect: string, timed = true): Taint => ({
  key: `node.kubernetes.io/${name}`,
  effect,
  ...(timed ? { timeAdded: now } : {}),
});
const foreign: Taint = { key: "team", value: "red", effect: "NoSchedule" };

const cases: readonly [name: string, node: Node, mayEvict: boolean, wanted: readonly Taint[]][] = [
  ["a ready node has none", node("True"), true, []],
  [
    "a node that is not ready",
    node("False"),
    true,
    [taint("not-ready", "NoSchedule"), taint("not-ready", "NoExecute")],
  ],
  [
    "one that is silent",
    node("Unknown"),
    true,
    [taint("unreachable", "NoSchedule"), taint("unreachable", "NoExecute")],
  ],
  ["without leave to evict pods stay", node("Unknown"), false, [taint("unreachable", "NoSchedule")]],
  [
    "pressure keeps new pods away",
    node("True", { other: "DiskPressure" }),
    true,
    [taint("disk-pressure", "NoSchedule")],
  ],
  ["a cordoned node", node("True", { spec: { unschedulable: true } }), true, [taint("unschedulable", "NoSchedule")]],
  [
    "taints of others stay, own ones that are right keep their time, the others go",
    node("False", {
      taints: [foreign, { ...taint("not-ready", "NoSchedule"), timeAdded: "2025" }, taint("unreachable", "NoExecute")],
    }),
    false,
    [foreign, { ...taint("not-ready", "NoSchedule"), timeAdded: "2025" }],
  ],
  [
    "a node keeps that of admission until its first report",
    node(undefined, { taints: [taint("not-ready", "NoSchedule", false)] }),
    true,
    [taint("not-ready", "NoSchedule", false)],
  ],
];

for (const [name, of, mayEvict, wanted] of cases) {
  test(`taints: ${name}`, () => assert.deepEqual(wantedTaints(of, mayEvict, nowMs), wanted));
}

test("a silent node's conditions are unknown where they stand, and say whether it ever spoke", () => {
  const said = silentConditions(node("True", { other: "NetworkUnavailable" }), nowMs);
  assert.deepEqual(
    said.map(({ type, status, reason }) => [type, status, reason]),
    [
      ["Ready", "Unknown", "NodeStatusUnknown"],
      ["NetworkUnavailable", "True", undefined],
      ["MemoryPressure", "Unknown", "NodeStatusNeverUpdated"],
      ["DiskPressure", "Unknown", "NodeStatusNeverUpdated"],
      ["PIDPressure", "Unknown", "NodeStatusNeverUpdated"],
    ],
  );
  assert.equal(said[0]?.lastHeartbeatTime, "2025-12-31T23:00:00Z");
  assert.equal(said[0]?.lastTransitionTime, now);
});
