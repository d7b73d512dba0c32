import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
} from "../definition-fixture.ts";
import { rootPath } from "../meta/field-error.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from "../types.generated.ts";
import { PersistentVolumes } from "./persistent-volume.ts";
import { PersistentVolumeClaims } from "./persistent-volume-claim.ts";

const volume: Partially<PersistentVolumeSpec> = {
  capacity: { storage: "1Gi" },
  accessModes: ["ReadWriteOnce"],
  hostPath: { path: "/data" },
};
const claim: Partially<PersistentVolumeClaimSpec> = {
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage: "1Gi" } },
};

test("volumes and claims hold file systems unless they say otherwise", () => {
  const { spec, status } = created(PersistentVolumes, { spec: volume });
  assert.deepEqual(
    [spec.volumeMode, spec.persistentVolumeReclaimPolicy, spec.hostPath, status],
    [
      "Filesystem",
      "Retain",
      { path: "/data", type: "" },
      { phase: "Pending", lastPhaseTransitionTime: "2025-01-01T00:00:00Z" },
    ],
  );
  const made = created(PersistentVolumeClaims, {
    spec: { ...claim, dataSource: { kind: "PersistentVolumeClaim", name: "old" } },
  });
  assert.equal(made.spec.volumeMode, "Filesystem");
  assert.deepEqual(made.spec.dataSourceRef, { kind: "PersistentVolumeClaim", name: "old" });
  assert.deepEqual(made.status, { phase: "Pending" });
});

const volumes: readonly (readonly [string, Partially<PersistentVolumeSpec>, readonly string[]])[] = [
  ["a good one", volume, []],
  [
    "nothing",
    {},
    [
      "spec.accessModes: Required value",
      "spec.capacity: Required value",
      'spec.capacity: Unsupported value: {}: supported values: "storage"',
      "spec: Required value: must specify a volume type",
    ],
  ],
  [
    "two sources",
    { ...volume, nfs: { server: "a", path: "/b" } },
    ["spec.nfs: Forbidden: may not specify more than 1 volume type"],
  ],
  [
    "a size of nothing",
    { ...volume, capacity: { storage: "0" } },
    ['spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
  ],
  [
    "modes",
    { ...volume, accessModes: ["ReadWriteOncePod", "ReadWriteMany", "Write"] },
    [
      'spec.accessModes: Unsupported value: "Write": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
    ],
  ],
  [
    "a place on a node without the node",
    { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], local: { path: "/a" } },
    ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
  ],
  [
    "a host's root that is wiped",
    { ...volume, hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" },
    ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
  ],
  [
    "a driver without a handle",
    { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], csi: { driver: "example.com" } },
    ["spec.csi.volumeHandle: Required value"],
  ],
  [
    "less than nothing",
    { ...volume, capacity: { storage: "-1" } },
    [
      "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
      'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
    ],
  ],
  [
    "a secret without its namespace",
    {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      cinder: { volumeID: "a", secretRef: { name: "" } },
    },
    ["spec.cinder.secretRef.name: Required value", "spec.cinder.secretRef.namespace: Required value"],
  ],
  [
    "a portal whose name gets too long",
    {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      iscsi: {
        targetPortal: "a".repeat(61),
        iqn: "iqn.2001-04.com.example:a",
        lun: 0,
        initiatorName: "iqn.2001-04.com.example:b",
      },
    },
    [
      `spec.iscsi.targetportal: Invalid value: "${"a".repeat(61)}": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.`,
    ],
  ],
  [
    "endpoints in no namespace",
    {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      glusterfs: { endpoints: "a", path: "b", endpointsNamespace: "" },
    },
    [
      'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
    ],
  ],
];

for (const [name, spec, errors] of volumes)
  test(`a volume is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(PersistentVolumes, { spec }), errors);
  });

test("what a volume is stays", () => {
  const change = (edit: (draft: Draft<PersistentVolume>) => void) =>
    errorsOnUpdate(PersistentVolumes, { spec: volume }, edit);
  assert.deepEqual(
    change(({ spec }) => {
      spec.capacity = { storage: "2Gi" };
      spec.claimRef = { namespace: "default", name: "one" };
    }),
    [],
  );
  assert.deepEqual(
    change(({ spec }) => {
      spec.hostPath = { path: "/other" };
      spec.volumeMode = "Block";
    }),
    [
      "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\nchanged:\n  spec.hostPath.path",
      'volumeMode: Invalid value: "Block": field is immutable',
    ],
  );
});

test("the nodes of a volume stay, by whatever name of their labels", () => {
  const affinity = (key: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "Exists" }] }] },
  });
  const change = (key: string) =>
    errorsOnUpdate(
      PersistentVolumes,
      { spec: { ...volume, nodeAffinity: affinity("failure-domain.beta.kubernetes.io/zone") } },
      ({ spec }) => {
        spec.nodeAffinity = affinity(key);
      },
    );
  assert.deepEqual(change("topology.kubernetes.io/zone"), []);
  assert.deepEqual(change("topology.kubernetes.io/region"), [
    'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"topology.kubernetes.io/region","Operator":"Exists","Values":null}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
  ]);
});

const claims: readonly (readonly [string, Partially<PersistentVolumeClaimSpec>, readonly string[]])[] = [
  ["a good one", claim, []],
  [
    "nothing",
    {},
    ["spec.accessModes: Required value: at least 1 access mode is required", "spec.resources[storage]: Required value"],
  ],
  [
    "a class with a name that is none",
    { ...claim, storageClassName: "a_b" },
    [
      `spec.storageClassName: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    ],
  ],
  ["no class", { ...claim, storageClassName: "" }, []],
  [
    "data of something",
    { ...claim, dataSourceRef: { kind: "Pod", name: "" } },
    [
      "spec.dataSource.name: Required value",
      `spec.dataSource: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
      "spec.dataSourceRef.name: Required value",
      `spec.dataSourceRef: Invalid value: "Pod": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
    ],
  ],
];

for (const [name, spec, errors] of claims)
  test(`a claim is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(PersistentVolumeClaims, { spec }), errors);
  });

test("a claim is bound, grows, and otherwise stays", () => {
  const change = (edit: (draft: Draft<PersistentVolumeClaim>) => void) =>
    errorsOnUpdate(PersistentVolumeClaims, { spec: claim }, edit);
  assert.deepEqual(
    change(({ spec }) => {
      spec.volumeName = "one";
    }),
    [],
  );
  const rule =
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
  assert.deepEqual(
    change(({ spec }) => {
      spec.resources = { requests: { storage: "2Gi" } };
    }),
    [`${rule}\nchanged:\n  spec.resources.requests.storage`],
  );
  assert.deepEqual(
    change(({ spec }) => {
      spec.accessModes = ["ReadWriteMany"];
    }),
    [`${rule}\nchanged:\n  spec.accessModes[0]`],
  );
});

test("the rows of volumes and claims", () => {
  const metadata = { name: "one", creationTimestamp: "2024-12-31T23:59:00Z" };
  const claimRef = { namespace: "default", name: "data" };
  const spec = { ...volume, accessModes: ["ReadWriteMany", "ReadOnlyMany"], claimRef, storageClassName: "fast" };
  assert.deepEqual(cells(PersistentVolumes, { metadata, spec, status: { phase: "Bound" } }), {
    Name: "one",
    Capacity: "1Gi",
    "Access Modes": "ROX,RWX",
    "Reclaim Policy": "Retain",
    Status: "Bound",
    Claim: "default/data",
    StorageClass: "fast",
    VolumeAttributesClass: "<unset>",
    Reason: "",
    Age: "60s",
    VolumeMode: "Filesystem",
  });
  const bound = {
    metadata,
    spec: { ...claim, volumeName: "one" },
    status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
  };
  assert.deepEqual(cells(PersistentVolumeClaims, bound), {
    Name: "one",
    Status: "Bound",
    Volume: "one",
    Capacity: "1Gi",
    "Access Modes": "RWO",
    StorageClass: "",
    VolumeAttributesClass: "<unset>",
    Age: "60s",
    VolumeMode: "Filesystem",
  });
  const waiting = cells(PersistentVolumeClaims, { metadata, spec: claim });
  assert.deepEqual([waiting.Status, waiting.Capacity, waiting["Access Modes"]], ["Pending", "", ""]);
});

test("what is deprecated of volumes and claims is said", () => {
  const annotations = { "volume.beta.kubernetes.io/storage-class": "fast" };
  const oldClass =
    'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead';
  const { hostPath: _, ...rest } = volume;
  const old = created(PersistentVolumes, {
    metadata: { annotations },
    spec: {
      ...rest,
      storageos: { volumeName: "a" },
      persistentVolumeReclaimPolicy: "Recycle",
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "beta.kubernetes.io/os", operator: "Exists" }] }] },
      },
    },
  });
  assert.deepEqual(PersistentVolumes.warnings?.(old, undefined), [
    oldClass,
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
    "spec.storageOS: deprecated in v1.22, non-functional in v1.25+",
  ]);
  const part = created(PersistentVolumeClaims, {
    metadata: { annotations },
    spec: { ...claim, resources: { requests: { storage: "1500m" } } },
  });
  assert.deepEqual(PersistentVolumeClaims.warnings?.(part, undefined), [
    oldClass,
    'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
  ]);
});

test("a claim that has its attributes keeps a class of them", () => {
  const old = created(PersistentVolumeClaims, { spec: { ...claim, volumeAttributesClassName: "gold" } });
  const bound = { ...old, status: { ...old.status, phase: "Bound", currentVolumeAttributesClassName: "gold" } };
  const change = (volumeAttributesClassName: string) =>
    PersistentVolumeClaims.validateUpdate?.(
      { ...bound, spec: { ...bound.spec, volumeAttributesClassName } },
      bound,
      rootPath,
    ).map(({ field, detail }) => `${field}: ${detail}`);
  assert.deepEqual(change("silver"), []);
  assert.deepEqual(change(""), [
    "spec.volumeAttributesClassName: update to empty string is forbidden when status.currentVolumeAttributesClassName is not nil",
  ]);
});

test("a claim's older field for its source knows claims and snapshots alone", () => {
  const sourceOf = (part: Partially<PersistentVolumeClaimSpec>) => {
    const { dataSource, dataSourceRef } = created(PersistentVolumeClaims, { spec: { ...claim, ...part } }).spec;
    return [dataSource, dataSourceRef];
  };
  const snapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "a" };
  const populator = { apiGroup: "example.com", kind: "Populator", name: "a" };
  assert.deepEqual(sourceOf({ dataSource: snapshot }), [snapshot, snapshot]);
  assert.deepEqual(sourceOf({ dataSource: populator }), [undefined, undefined]);
  assert.deepEqual(sourceOf({ dataSourceRef: populator }), [populator, populator]);
  assert.deepEqual(sourceOf({ dataSourceRef: { ...snapshot, namespace: "other" } }), [undefined, undefined]);
});

test("the status of a claim is validated", () => {
  assert.deepEqual(
    errorsOnStatusUpdate(PersistentVolumeClaims, { spec: claim }, ({ status }) => {
      status.capacity = { storage: "-1" };
      status.allocatedResourceStatuses = { storage: "Growing", memory: "NodeResizePending" };
      status.allocatedResources = { cpu: "1" };
    }),
    [
      "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
      'status.allocatedResourceStatus: Unsupported value: "memory": supported values: "storage"',
      'status.allocatedResourceStatus: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
      'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
    ],
  );
});
