import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateRequest, skipWithoutOpenssl } from "../../../test/certificate-request.ts";
import {
  CertificateSigningRequests,
  CSIDrivers,
  CSINodes,
  type KubeObject,
  Leases,
  type NewObject,
  type Node,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  ResourceSlices,
  ServiceAccounts,
  type User,
} from "../../api/index.ts";
import type { Authorizer } from "../authorization/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { isAllowedNodeLabel } from "./node-labels.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { admitted } from "./request-for-tests.ts";

const user: User = { name: "system:node:n1", groups: ["system:nodes"] };

const pod = (nodeName: string, more: Partial<Pod["spec"]> = {}, metadata: object = {}): NewObject<Pod> => ({
  metadata: { name: "web", namespace: "green", uid: "pod-1", ...metadata },
  spec: { containers: [], nodeName, ...more },
});

const lookup = new ObjectLookup()
  .put(Nodes, { metadata: { name: "n1", uid: "node-1" }, spec: {} })
  .put(Pods, pod("n1", { volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] }))
  .put(Pods, pod("n2", {}, { name: "other", uid: "pod-2" }))
  .put(Pods, pod("n1", {}, { name: "plain", uid: "uid-plain" }))
  .put(
    Pods,
    pod(
      "n1",
      {
        volumes: [
          { name: "own", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
          { name: "sts", projected: { sources: [{ serviceAccountToken: { path: "token", audience: "sts" } }] } },
          { name: "inline", csi: { driver: "inline.example.com" } },
          { name: "claimed", persistentVolumeClaim: { claimName: "data" } },
        ],
      },
      { name: "mounting", uid: "uid-mounting" },
    ),
  )
  .put(CSIDrivers, { metadata: { name: "inline.example.com" }, spec: { tokenRequests: [{ audience: "driver" }] } })
  .put(CSIDrivers, { metadata: { name: "claimed.example.com" }, spec: { tokenRequests: [{ audience: "claimed" }] } })
  .put(PersistentVolumeClaims, { metadata: { name: "data", namespace: "green" }, spec: { volumeName: "pv" } })
  .put(PersistentVolumes, {
    metadata: { name: "pv" },
    spec: { csi: { driver: "claimed.example.com", volumeHandle: "1" } },
  });
/** Lets a node ask for tokens for the audience `vault`. */
const authorizer: Authorizer = {
  authorize: async ({ verb, resource }) => ({
    allowed: verb === "request-serviceaccounts-token-audience" && resource?.plural === "vault",
    reason: "",
  }),
};
const plugin = nodeRestriction(lookup, authorizer);

const owner = { apiVersion: "v1", kind: "Node", name: "n1", uid: "node-1", controller: true };
const mirror = { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [owner] };

test("a node only makes mirror pods of its own, that name nothing else", async () => {
  const create = (spec: Partial<Pod["spec"]>, metadata: object = mirror) =>
    admitted(plugin, Pods, { user, object: pod("n1", spec, metadata) });
  await create({});
  const refusals: readonly [Promise<unknown>, RegExp][] = [
    [create({}, {}), /pod does not have "kubernetes.io\/config.mirror" annotation/],
    [create({ nodeName: "n2" }), /can only create pods with spec.nodeName set to itself/],
    [create({}, { ...mirror, ownerReferences: [] }), /with an owner reference set to itself/],
    [create({}, { ...mirror, ownerReferences: [owner, owner] }), /with a single owner reference set to itself/],
    [create({}, { ...mirror, ownerReferences: [{ ...owner, name: "n2" }] }), /with an owner reference set to itself/],
    [create({}, { ...mirror, ownerReferences: [{ ...owner, controller: false }] }), /a controller owner reference/],
    [create({}, { ...mirror, ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }), /must not set blockOwner/],
    [
      create({}, { ...mirror, ownerReferences: [{ ...owner, uid: "x" }] }),
      /node n1 UID mismatch: expected x got node-1/,
    ],
    [create({ serviceAccountName: "a" }), /can not create pods that reference a service account/],
    [create({ imagePullSecrets: [{ name: "s" }] }), /can not create pods that reference secrets/],
    [create({ volumes: [{ name: "c", configMap: { name: "c" } }] }), /can not create pods that reference configmaps/],
    [
      create({ volumes: [{ name: "d", persistentVolumeClaim: { claimName: "d" } }] }),
      /can not create pods that reference persistentvolumeclaims/,
    ],
  ];
  for (const [attempt, message] of refusals) await assert.rejects(attempt, message);
});

test("a node deletes and reports pods that run on it", async () => {
  const other = pod("n2");
  await admitted(plugin, Pods, { user, old: pod("n1"), operation: "DELETE" });
  await assert.rejects(
    admitted(plugin, Pods, { user, old: other, operation: "DELETE" }),
    /node "n1" can only delete pods with spec.nodeName set to itself/,
  );
  await assert.rejects(admitted(plugin, Pods, { user, object: pod("n1"), old: pod("n1") }), /unexpected operation/);
  const status = { user, subresource: "status" };
  await admitted(plugin, Pods, { ...status, object: pod("n1"), old: pod("n1") });
  await assert.rejects(
    admitted(plugin, Pods, { ...status, object: other, old: other }),
    /can only update pod status for pods with spec.nodeName set to itself/,
  );
  await assert.rejects(
    admitted(plugin, Pods, { ...status, object: pod("n1", {}, { labels: { app: "x" } }), old: pod("n1") }),
    /cannot update labels through pod status/,
  );
  const claimed = { requestMappings: [], resourceClaimName: "of-others" };
  const extended = { ...pod("n1"), status: { extendedResourceClaimStatus: claimed } };
  await assert.rejects(
    admitted(plugin, Pods, { ...status, object: extended, old: pod("n1") }),
    /cannot update extended resource claim status/,
  );
  await assert.rejects(
    admitted(plugin, Pods, { user, subresource: "exec", object: pod("n1") }),
    /unexpected pod subresource "exec"/,
  );
});

test("a node evicts pods that run on it", async () => {
  const evict = (name: string) =>
    admitted(plugin, Pods, { user, subresource: "eviction", operation: "CREATE", name, namespace: "green" });
  await evict("web");
  await assert.rejects(evict("other"), /node n1 can only evict pods with spec.nodeName set to itself/);
  await assert.rejects(evict("none"), { message: 'pods "none" not found' });
});

test("a node writes its own node, but neither taints nor steering labels", async () => {
  const node = (
    more: Partial<Node["spec"]> = {},
    labels: Record<string, string> = {},
    name = "n1",
  ): NewObject<Node> => ({
    metadata: { name, labels },
    spec: more,
  });
  const create = (object: NewObject<Node>) => admitted(plugin, Nodes, { user, object });
  const update = (object: NewObject<Node>) => admitted(plugin, Nodes, { user, object, old: node() });
  await create(
    node({ taints: [{ key: "a", effect: "NoSchedule" }] }, { "kubernetes.io/hostname": "n1", team: "green" }),
  );
  await assert.rejects(create(node({}, {}, "n2")), /node "n1" is not allowed to modify node "n2"/);
  await assert.rejects(
    create(node({}, { "node-restriction.kubernetes.io/pci": "yes", "node-role.kubernetes.io/control-plane": "" })),
    /node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io\/pci, node-role/,
  );
  await update(node({}, { "topology.kubernetes.io/zone": "a" }));
  await assert.rejects(
    update(node({ taints: [{ key: "a", effect: "NoSchedule" }] })),
    /node "n1" is not allowed to modify taints/,
  );
  await assert.rejects(update(node({}, { "k8s.io/x": "y" })), /is not allowed to modify labels: k8s.io\/x/);
});

test("a node gets tokens for pods that run on it", async () => {
  const token = (boundObjectRef: object | undefined) =>
    admitted(plugin, ServiceAccounts, {
      user,
      subresource: "token",
      operation: "CREATE",
      name: "builder",
      namespace: "green",
      object: { spec: { boundObjectRef } } as unknown as NewObject,
    });
  const reference = { apiVersion: "v1", kind: "Pod", name: "web", uid: "pod-1" };
  await token(reference);
  await assert.rejects(token(undefined), /node requested token not bound to a pod/);
  await assert.rejects(token({ ...reference, kind: "Node" }), /node requested token not bound to a pod/);
  await assert.rejects(token({ ...reference, uid: undefined }), /with a pod binding without a uid/);
  await assert.rejects(token({ ...reference, uid: "pod-0" }), /does not match the UID in record/);
  await assert.rejects(
    token({ ...reference, name: "other", uid: "pod-2" }),
    /node requested token bound to a pod scheduled on a different node/,
  );
});

test("a node gets tokens for those alone whom a volume of the pod, its driver or a role names", async () => {
  const token = (audiences: readonly string[] | undefined, name = "mounting") =>
    admitted(plugin, ServiceAccounts, {
      user,
      subresource: "token",
      operation: "CREATE",
      name: "builder",
      namespace: "green",
      object: {
        spec: { audiences, boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid: `uid-${name}` } },
      } as unknown as NewObject,
    });
  await token(undefined);
  await token(["sts"]);
  await token(["driver"]);
  await token(["claimed"]);
  await token(["vault"]);
  await assert.rejects(token(["other"]), /audience "other" not found in pod spec volume/);
  await assert.rejects(token(["sts", "driver"]), /node may only request 0 or 1 audiences/);
  await assert.rejects(token([], "plain"), /audience "" not found in pod spec volume/);
});

test("lease, CSINode and slices carry the node's own name", async () => {
  const named = (name: string, namespace?: string) => ({ metadata: { name, ...(namespace ? { namespace } : {}) } });
  await admitted(plugin, Leases, { user, object: named("n1", "kube-node-lease") });
  await assert.rejects(
    admitted(plugin, Leases, { user, object: named("n2", "kube-node-lease") }),
    /can only access node lease with the same name as the requesting node/,
  );
  await assert.rejects(
    admitted(plugin, Leases, { user, object: named("n1", "green") }),
    /in the "kube-node-lease" system/,
  );
  await admitted(plugin, CSINodes, { user, object: { ...named("n1"), spec: { drivers: [] } } });
  await assert.rejects(
    admitted(plugin, CSINodes, { user, object: { ...named("n2"), spec: { drivers: [] } } }),
    /can only access CSINode with the same name/,
  );
  const slice = (nodeName: string) => ({
    ...named("s"),
    spec: { driver: "d", nodeName, pool: { name: "p", generation: 1, resourceSliceCount: 1 } },
  });
  await admitted(plugin, ResourceSlices, { user, object: slice("n1") });
  await assert.rejects(
    admitted(plugin, ResourceSlices, { user, object: slice("n2") }),
    /can only create ResourceSlice/,
  );
  await assert.rejects(
    admitted(plugin, ResourceSlices, { user, old: slice("n2"), operation: "DELETE" }),
    /can only delete ResourceSlice/,
  );
});

test("a node says of a claim only how far resizing has come", async () => {
  const claim = (spec: object, status: object) =>
    ({ metadata: { name: "d", namespace: "green" }, spec, status }) as NewObject<KubeObject> as never;
  const old = claim({}, { phase: "Bound", capacity: { storage: "1Gi" } });
  const update = (object: never, subresource = "status") =>
    admitted(plugin, PersistentVolumeClaims, { user, subresource, object, old });
  await update(claim({}, { phase: "Bound", capacity: { storage: "2Gi" } }));
  await assert.rejects(update(claim({}, { phase: "Lost" })), /is not allowed to update fields other than/);
  await assert.rejects(update(claim({ volumeName: "x" }, { phase: "Bound" })), /is not allowed to update fields/);
  await assert.rejects(update(old, ""), /may only update PVC status/);
});

test("a node says of a volume that is its directory only that it is gone", async () => {
  const volume = (finalizers: string[], spec: object = {}) =>
    ({ metadata: { name: "d", finalizers }, spec, status: { phase: "Released" } }) as NewObject<KubeObject> as never;
  const old = volume(["other", "roder.io/local-volume"]);
  const update = (object: never) => admitted(plugin, PersistentVolumes, { user, object, old });
  await update(volume(["other"]));
  const refusal = /node "n1" is only allowed to remove the finalizer roder.io\/local-volume/;
  await assert.rejects(update(volume([])), refusal);
  await assert.rejects(update(volume(["other"], { claimRef: { name: "x" } })), refusal);
  await assert.rejects(update(old), refusal);
});

test("others than nodes are not restricted", async () => {
  await admitted(plugin, Pods, { object: pod("n2") });
  await assert.rejects(
    admitted(plugin, Pods, { object: pod("n2"), user: { name: "system:node:", groups: ["system:nodes"] } }),
    /could not determine node from user "system:node:"/,
  );
});

test("a node asks for certificates in its own name", { skip: skipWithoutOpenssl }, async () => {
  const ask = (commonName: string) => {
    const pem = certificateRequest(`/O=system:nodes/CN=${commonName}`);
    const spec = { signerName: "kubernetes.io/kubelet-serving", request: pem };
    return admitted(plugin, CertificateSigningRequests, { user, object: { metadata: { name: "c" }, spec } });
  };
  await ask("system:node:n1");
  await assert.rejects(ask("system:node:n2"), /can only create a node CSR with CN=system:node:n1/);
});

test("a node's own labels are those that Kubernetes lets it set", () => {
  for (const key of [
    "team",
    "example.com/x",
    "kubernetes.io/arch",
    "node.kubernetes.io/x",
    "a.kubelet.kubernetes.io/x",
  ])
    assert.equal(isAllowedNodeLabel(key), true, key);
  for (const key of [
    "kubernetes.io/x",
    "x.k8s.io/y",
    "node-restriction.kubernetes.io/x",
    "a.node-restriction.kubernetes.io/x",
  ])
    assert.equal(isAllowedNodeLabel(key), false, key);
});
