import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type NewObject,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  ResourceSlices,
  type User,
  VolumeAttachments,
} from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { NodeAuthorizer } from "./node-authorizer.ts";

const node = (name: string): User => ({
  name: `system:node:${name}`,
  groups: ["system:nodes", "system:authenticated"],
});

const spec = {
  nodeName: "n1",
  serviceAccountName: "builder",
  imagePullSecrets: [{ name: "pull" }],
  containers: [
    {
      name: "web",
      env: [
        { name: "A", valueFrom: { secretKeyRef: { name: "env-secret", key: "a" } } },
        { name: "B", valueFrom: { configMapKeyRef: { name: "env-config", key: "b" } } },
      ],
      envFrom: [{ secretRef: { name: "env-from-secret" } }, { configMapRef: { name: "env-from-config" } }],
    },
  ],
  initContainers: [
    { name: "init", env: [{ name: "A", valueFrom: { secretKeyRef: { name: "init-secret", key: "a" } } }] },
  ],
  volumes: [
    { name: "s", secret: { secretName: "volume-secret" } },
    { name: "c", configMap: { name: "volume-config" } },
    {
      name: "p",
      projected: { sources: [{ secret: { name: "projected-secret" } }, { configMap: { name: "projected-config" } }] },
    },
    { name: "d", persistentVolumeClaim: { claimName: "data" } },
    { name: "scratch", ephemeral: {} },
  ],
  resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "gpus" }],
};

const web = {
  metadata: { name: "web", namespace: "green" },
  spec,
  status: { resourceClaimStatuses: [{ name: "gpu", resourceClaimName: "web-gpu-x" }] },
} as NewObject<Pod>;

function cluster(): ObjectLookup {
  return new ObjectLookup()
    .put(Pods, web)
    .put(Pods, { metadata: { name: "other", namespace: "green" }, spec: { nodeName: "n2", containers: [] } })
    .put(PersistentVolumeClaims, { metadata: { name: "data", namespace: "green" }, spec: { volumeName: "disk" } })
    .put(PersistentVolumes, {
      metadata: { name: "disk" },
      spec: {
        claimRef: { namespace: "green", name: "data" },
        csi: { driver: "d", volumeHandle: "h", nodeStageSecretRef: { namespace: "green", name: "stage-secret" } },
      },
    })
    .put(PersistentVolumes, { metadata: { name: "foreign" }, spec: { claimRef: { namespace: "green", name: "x" } } })
    .put(ResourceSlices, {
      metadata: { name: "slice" },
      spec: { driver: "d", nodeName: "n1", pool: { name: "n1", generation: 1, resourceSliceCount: 1 } },
    })
    .put(VolumeAttachments, { metadata: { name: "va" }, spec: { attacher: "d", nodeName: "n1", source: {} } });
}

/** `verb what [namespace/]name [fieldSelector]` */
function decide(lookup: ObjectLookup, user: User, question: string) {
  const [verb = "", what = "", target = "", fieldSelector] = question.split(" ");
  const [qualified = "", subresource = ""] = what.split("/");
  const [plural = "", ...group] = qualified.split(".");
  const [namespace = "", name = ""] = target.includes("/") ? target.split("/") : ["", target];
  return new NodeAuthorizer(lookup).authorize({
    user,
    verb,
    resource: {
      group: group.join("."),
      version: "v1",
      plural,
      subresource,
      namespace,
      name,
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    },
  });
}

test("a node reads what its pods name, wherever they name it", () => {
  const questions = [
    "get secrets green/pull",
    "get secrets green/env-secret",
    "get secrets green/env-from-secret",
    "get secrets green/init-secret",
    "get secrets green/volume-secret",
    "get secrets green/projected-secret",
    "get secrets green/stage-secret",
    "watch secrets green/volume-secret",
    "get configmaps green/env-config",
    "get configmaps green/env-from-config",
    "get configmaps green/volume-config",
    "list configmaps green/projected-config",
    "get persistentvolumeclaims green/data",
    "get persistentvolumeclaims green/web-scratch",
    "patch persistentvolumeclaims/status green/data",
    "get persistentvolumes disk",
    "get resourceclaims.resource.k8s.io green/web-gpu-x",
    "create serviceaccounts/token green/builder",
    "get serviceaccounts green/builder",
    "get pods green/web",
  ];
  const lookup = cluster();
  for (const question of questions) {
    assert.equal(decide(lookup, node("n1"), question).allowed, true, question);
    assert.deepEqual(
      decide(lookup, node("n2"), question),
      { allowed: false, reason: "no relationship found between node 'n2' and this object" },
      question,
    );
  }
  lookup.remove(Pods, "green", "web");
  for (const question of questions) assert.equal(decide(lookup, node("n1"), question).allowed, false, question);
});

test("a node neither lists nor writes such objects, nor reads those of other namespaces", () => {
  const lookup = cluster();
  const cases: readonly [string, string][] = [
    ["list secrets green/", "No Object name found"],
    ["list secrets ", "can only read namespaced object of this type"],
    ["update secrets green/pull", "can only read resources of this type"],
    ["get secrets blue/pull", "no relationship found between node 'n1' and this object"],
    ["get persistentvolumes foreign", "no relationship found between node 'n1' and this object"],
    ["list persistentvolumeclaims green/", "can only get individual resources of this type"],
    ["create serviceaccounts green/builder", "can only create token subresource of serviceaccount"],
    ["create serviceaccounts/token green/", "can only create tokens for individual service accounts"],
    ["create serviceaccounts/token green/admin", "no relationship found between node 'n1' and this object"],
  ];
  for (const [question, reason] of cases)
    assert.deepEqual(decide(lookup, node("n1"), question), { allowed: false, reason }, question);
});

test("a node sees the volumes that are its directories, and says of them that they are gone", () => {
  const local = { metadata: { name: "local", labels: { "roder.io/node": "n1" } }, spec: {} };
  const lookup = cluster().put(PersistentVolumes, local);
  const asks = (verb: string, name: string, labelSelector?: string) =>
    new NodeAuthorizer(lookup).authorize({
      user: node("n1"),
      verb,
      resource: {
        group: "",
        version: "v1",
        plural: "persistentvolumes",
        subresource: "",
        namespace: "",
        name,
        ...(labelSelector === undefined ? {} : { labelSelector }),
      },
    }).allowed;
  assert.equal(asks("watch", "", "roder.io/node=n1"), true);
  assert.equal(asks("list", "", "roder.io/node=n2"), false);
  assert.equal(asks("list", ""), false);
  assert.equal(asks("patch", "local"), true);
  assert.equal(asks("patch", "disk"), false);
  assert.equal(asks("update", "local"), false);
  assert.equal(asks("delete", "local"), false);
});

test("a node has its own node, lease, CSINode and slices", () => {
  const lookup = cluster();
  const cases: readonly [string, boolean][] = [
    ["get nodes n1", true],
    ["watch nodes n1", true],
    ["get nodes n2", false],
    ["list nodes ", false],
    ["create nodes ", true],
    ["patch nodes/status n1", true],
    ["delete nodes n1", false],
    ["create leases.coordination.k8s.io kube-node-lease/", true],
    ["update leases.coordination.k8s.io kube-node-lease/n1", true],
    ["update leases.coordination.k8s.io kube-node-lease/n2", false],
    ["update leases.coordination.k8s.io kube-system/n1", false],
    ["list leases.coordination.k8s.io kube-node-lease/", false],
    ["patch csinodes.storage.k8s.io n1", true],
    ["patch csinodes.storage.k8s.io n2", false],
    ["get volumeattachments.storage.k8s.io va", true],
    ["get volumeattachments.storage.k8s.io none", false],
    ["update resourceslices.resource.k8s.io slice", true],
    ["create resourceslices.resource.k8s.io ", true],
    ["list resourceslices.resource.k8s.io  spec.nodeName=n1", true],
    ["list resourceslices.resource.k8s.io ", false],
  ];
  for (const [question, expected] of cases)
    assert.equal(decide(lookup, node("n1"), question).allowed, expected, question);
});

test("a node lists pods only by its own name", () => {
  const lookup = cluster();
  assert.equal(decide(lookup, node("n1"), "watch pods  spec.nodeName=n1").allowed, true);
  assert.equal(decide(lookup, node("n1"), "list pods  status.phase!=Failed,spec.nodeName=n1").allowed, true);
  assert.equal(decide(lookup, node("n1"), "list pods  spec.nodeName=n2").allowed, false);
  assert.equal(decide(lookup, node("n1"), "list pods  spec.nodeName!=n1").allowed, false);
  assert.deepEqual(decide(lookup, node("n1"), "list pods "), {
    allowed: false,
    reason: "can only list/watch pods with spec.nodeName field selector",
  });
  assert.equal(decide(lookup, node("n1"), "get pods green/other").allowed, false);
  assert.equal(decide(lookup, node("n1"), "update pods green/web").allowed, false);
});

test("what every node needs alike comes from the role of nodes, and others are not decided about", () => {
  const lookup = cluster();
  assert.equal(decide(lookup, node("n1"), "watch services ").allowed, true);
  assert.equal(decide(lookup, node("n1"), "create events green/").allowed, true);
  assert.equal(decide(lookup, node("n1"), "delete services green/x").allowed, false);
  assert.deepEqual(decide(lookup, { name: "system:node:n1", groups: [] }, "watch services "), {
    allowed: false,
    reason: "",
  });
  assert.deepEqual(decide(lookup, { name: "jane", groups: ["system:nodes"] }, "watch services "), {
    allowed: false,
    reason: "",
  });
  assert.equal(decide(lookup, node(""), "watch services ").reason, 'unknown node for user "system:node:"');
});

test("a mirror pod opens nothing to its node", () => {
  const annotations = { "kubernetes.io/config.mirror": "x" };
  const lookup = cluster().put(Pods, { ...web, metadata: { ...web.metadata, annotations } });
  assert.equal(decide(lookup, node("n1"), "get secrets green/pull").allowed, false);
});
