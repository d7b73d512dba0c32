// The rules about volumes that are there: zones, how many a node takes, and who may share one.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../../test/control-plane.ts";
import {
  CSINodes,
  type KubeObject,
  type NewObject,
  type PersistentVolume,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  type ResourceReference,
  ServiceAccounts,
  type Volume,
  VolumeAttachments,
} from "../../api/index.ts";
import { seededRandom, silentLogger } from "../../lib/index.ts";
import { makePod, makeSnapshot, type NodeOptions, type PodOptions } from "../objects-for-tests.ts";
import type { PluginDefinition } from "../plugin.ts";
import { volumeLimits } from "./volume-limits.ts";
import { volumeRestrictions } from "./volume-restrictions.ts";
import { volumeZone } from "./volume-zone.ts";

type Made = readonly [ResourceReference, object];

interface Case {
  readonly nodes: readonly NodeOptions[];
  /** What is on the nodes. */
  readonly placed?: Readonly<Record<string, readonly PodOptions[]>>;
  /** What is in the API. */
  readonly objects: readonly Made[];
  readonly pod: PodOptions;
  /** Whether the pods on the nodes are thought away. */
  readonly withoutPlaced?: boolean;
}

/** Why each node is rejected; "" where it is feasible. */
async function verdicts(t: TestContext, plugin: PluginDefinition, scene: Case): Promise<readonly string[]> {
  const { client, create, clock, informers, rest } = await startTestControlPlane(t, { controllers: [] });
  await create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  for (const [resource, object] of scene.objects) await create(resource, object as NewObject<KubeObject>);
  const snapshot = makeSnapshot(scene.nodes, scene.placed);
  for (const node of snapshot.nodes) {
    for (const { pod } of node.pods.values())
      await create(Pods, { ...pod, spec: { ...pod.spec, nodeName: node.name } });
  }
  const context = {
    client,
    clock,
    random: seededRandom(1),
    log: silentLogger,
    events: { normal: () => {}, warning: () => {} },
    snapshot,
    informer: <T extends KubeObject>(resource: ResourceReference<T>) => informers.informer(resource),
  };
  const { filter } = plugin.create(context, undefined);
  await rest();
  // The server gives pods uids of their own; the snapshot is filled from what it has.
  for (const pod of await client.list(Pods).then(({ items }) => items)) {
    for (const node of snapshot.nodes) {
      const old = [...node.pods.values()].find((each) => each.pod.metadata.name === pod.metadata.name);
      if (!old || old.pod.metadata.uid === pod.metadata.uid) continue;
      snapshot.unplace(old.pod.metadata.uid);
      snapshot.place(pod, node.name);
    }
  }
  const pod = makePod({ name: "incoming", ...scene.pod });
  const prepared = filter?.prepare({ pod, shape: snapshot.shapes.of(pod) }, snapshot);
  if (prepared === undefined) return snapshot.nodes.map(() => "");
  if (typeof prepared !== "function") return snapshot.nodes.map(() => prepared.reasons.join());
  const removed = scene.withoutPlaced ? snapshot.nodes.flatMap((node) => [...node.pods.values()]) : [];
  return snapshot.nodes.map((node) => prepared(node, { added: [], removed })?.reasons.join() ?? "");
}

const volume = (name: string, spec: Partial<PersistentVolume["spec"]> = {}, labels = {}): Made => [
  PersistentVolumes,
  {
    metadata: { name, labels },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      ...(spec.csi ? {} : { hostPath: { path: "/srv" } }),
      ...spec,
    },
  },
];
const claim = (name: string, volumeName?: string, accessMode = "ReadWriteOnce"): Made => [
  PersistentVolumeClaims,
  {
    metadata: { namespace: "default", name },
    spec: {
      accessModes: [accessMode],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "",
      ...(volumeName === undefined ? {} : { volumeName }),
    },
  },
];
const using = (...claims: readonly string[]): PodOptions => ({
  volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
});
const csi = (volumeHandle: string) => ({ csi: { driver: "disk.example.com", volumeHandle } });
const csiNode = (name: string, count: number): Made => [
  CSINodes,
  { metadata: { name }, spec: { drivers: [{ name: "disk.example.com", nodeID: name, allocatable: { count } }] } },
];

test("a volume with a zone is only used in that zone, or where nobody knows", async (t) => {
  const zone = "topology.kubernetes.io/zone";
  const nodes = [
    { name: "a", labels: { [zone]: "x" } },
    { name: "b", labels: { "failure-domain.beta.kubernetes.io/zone": "y", [zone]: "y" } },
    { name: "c", labels: { [zone]: "z" } },
    { name: "d" },
  ];
  const objects = [volume("disk", {}, { "failure-domain.beta.kubernetes.io/zone": "x__y" }), claim("data", "disk")];
  const reasons = await verdicts(t, volumeZone, { nodes, objects, pod: using("data") });
  assert.deepEqual(reasons, ["", "", "node(s) had no available volume zone", ""]);
});

test("a claim whose volume is not there keeps its pod from every node", async (t) => {
  const scene = { nodes: [{ name: "a" }], objects: [claim("data", "gone")], pod: using("data") };
  assert.deepEqual(await verdicts(t, volumeZone, scene), ['persistentvolume "gone" not found']);
});

test("a node takes no more volumes of a driver than the driver says", async (t) => {
  const objects = [
    ...["one", "two", "three"].flatMap((name) => [volume(name, csi(name)), claim(`claim-${name}`, name)]),
    csiNode("full", 1),
    csiNode("roomy", 2),
    csiNode("attached", 2),
    [VolumeAttachments, attachment("attached", "three")] as const,
  ];
  const nodes = ["full", "roomy", "attached", "unlimited"].map((name) => ({ name }));
  const placed = Object.fromEntries(nodes.map(({ name }) => [name, [{ name: `old-${name}`, ...using("claim-one") }]]));
  const reasons = await verdicts(t, volumeLimits, { nodes, placed, objects, pod: using("claim-two") });
  const full = "node(s) exceed max volume count";
  assert.deepEqual(reasons, [full, "", full, ""]);
});

test("a volume that is on the node already counts once", async (t) => {
  const objects = [volume("one", csi("one")), claim("data", "one"), csiNode("full", 1)];
  const scene = { nodes: [{ name: "full" }], placed: { full: [using("data")] }, objects, pod: using("data") };
  assert.deepEqual(await verdicts(t, volumeLimits, scene), [""]);
});

const attachment = (nodeName: string, persistentVolumeName: string) => ({
  metadata: { name: `${nodeName}-${persistentVolumeName}` },
  spec: { attacher: "disk.example.com", nodeName, source: { persistentVolumeName } },
});

test("a claim that only one pod may use keeps the second from every node", async (t) => {
  const scene = {
    nodes: [{ name: "a" }, { name: "b" }],
    placed: { a: [using("data")] },
    objects: [claim("data", undefined, "ReadWriteOncePod")],
    pod: using("data"),
  };
  const why =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
  assert.deepEqual(await verdicts(t, volumeRestrictions, scene), [why, why]);
  assert.deepEqual(await verdicts(t, volumeRestrictions, { ...scene, withoutPlaced: true }), ["", ""]);
});

const disks: readonly (readonly [string, Omit<Volume, "name">, Omit<Volume, "name">, boolean])[] = [
  ["a GCE disk that is written", { gcePersistentDisk: { pdName: "d" } }, { gcePersistentDisk: { pdName: "d" } }, true],
  [
    "a GCE disk that is only read",
    { gcePersistentDisk: { pdName: "d", readOnly: true } },
    { gcePersistentDisk: { pdName: "d", readOnly: true } },
    false,
  ],
  [
    "an EBS volume, even to be read",
    { awsElasticBlockStore: { volumeID: "v", readOnly: true } },
    { awsElasticBlockStore: { volumeID: "v", readOnly: true } },
    true,
  ],
  [
    "an iSCSI target that is written",
    { iscsi: { targetPortal: "p", iqn: "iqn.2026-01.a:b", lun: 0 } },
    { iscsi: { targetPortal: "p", iqn: "iqn.2026-01.a:b", lun: 0, readOnly: true } },
    true,
  ],
  [
    "an RBD image of a common monitor",
    { rbd: { monitors: ["a", "b"], image: "i" } },
    { rbd: { monitors: ["b"], image: "i" } },
    true,
  ],
  [
    "an RBD image of other monitors",
    { rbd: { monitors: ["a"], image: "i" } },
    { rbd: { monitors: ["b"], image: "i" } },
    false,
  ],
];
for (const [what, wanted, used, isTaken] of disks) {
  test(`two pods on a node ${isTaken ? "cannot" : "can"} have ${what}`, async (t) => {
    const scene = {
      nodes: [{ name: "a" }, { name: "b" }],
      placed: { a: [{ volumes: [{ name: "d", ...used }] }] },
      objects: [],
      pod: { volumes: [{ name: "d", ...wanted }] },
    };
    const reason = isTaken ? "node(s) had no available disk" : "";
    assert.deepEqual(await verdicts(t, volumeRestrictions, scene), [reason, ""]);
  });
}
