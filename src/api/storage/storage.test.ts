import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../../lib/index.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
} from "../definition-fixture.ts";
import type { CSIDriverSpec, CSINodeDriver, StorageClass, VolumeAttachmentSpec } from "../types.generated.ts";
import { CSIDrivers } from "./csi-driver.ts";
import { CSINodes } from "./csi-node.ts";
import { CSIStorageCapacities } from "./csi-storage-capacity.ts";
import { StorageClasses } from "./storage-class.ts";
import { VolumeAttachments } from "./volume-attachment.ts";
import { VolumeAttributesClasses } from "./volume-attributes-class.ts";

const metadata = { name: "fast", creationTimestamp: "2024-12-31T23:59:00Z" };
const provisioner = "example.com/disks";

test("volumes of a class are deleted, and bound at once, unless it says otherwise", () => {
  const { reclaimPolicy, volumeBindingMode } = created(StorageClasses, { provisioner });
  assert.deepEqual([reclaimPolicy, volumeBindingMode], ["Delete", "Immediate"]);
});

const classes: readonly (readonly [string, Partially<StorageClass>, readonly string[]])[] = [
  ["a good one", { provisioner, parameters: { type: "ssd" } }, []],
  ["nobody", {}, ["provisioner: Required value"]],
  [
    "what becomes of volumes",
    { provisioner, reclaimPolicy: "Recycle", volumeBindingMode: "Later" },
    [
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  ],
  [
    "parameters without names",
    { provisioner, parameters: { "": "a" } },
    ['parameters: Invalid value: "": field can not be empty.'],
  ],
  [
    "topologies",
    {
      provisioner,
      allowedTopologies: [
        {
          matchLabelExpressions: [
            { key: "zone", values: ["a", "a"] },
            { key: "zone", values: [] },
          ],
        },
        { matchLabelExpressions: [{ key: "region", values: ["a", "b"] }] },
        { matchLabelExpressions: [{ key: "region", values: ["b", "a"] }] },
      ],
    },
    [
      'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
      "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"',
      'allowedTopologies[2].matchLabelExpressions: Duplicate value: ""',
    ],
  ],
];

for (const [name, object, errors] of classes)
  test(`a storage class is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(StorageClasses, object), errors);
  });

test("a storage class stays, but for what it lets grow", () => {
  const errors = errorsOnUpdate(StorageClasses, { provisioner }, (draft) => {
    draft.provisioner = "example.com/other";
    draft.parameters = { a: "b" };
    draft.reclaimPolicy = "Retain";
    draft.volumeBindingMode = "WaitForFirstConsumer";
    draft.allowVolumeExpansion = true;
  });
  assert.deepEqual(errors, [
    "parameters: Forbidden: updates to parameters are forbidden.",
    "provisioner: Forbidden: updates to provisioner are forbidden.",
    "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
    'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
  ]);
});

test("the row of a storage class", () => {
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  assert.deepEqual(cells(StorageClasses, { metadata: { ...metadata, annotations }, provisioner }), {
    Name: "fast (default)",
    Provisioner: provisioner,
    ReclaimPolicy: "Delete",
    VolumeBindingMode: "Immediate",
    AllowVolumeExpansion: false,
    Age: "60s",
  });
  assert.equal(cells(StorageClasses, { metadata, provisioner }).Name, "fast");
});

test("a class of attributes says which, and stays", () => {
  const driverName = "example.com";
  assert.deepEqual(errorsOnCreate(VolumeAttributesClasses, { driverName }), [
    "parameters: Required value: must contain at least one key/value pair",
  ]);
  const errors = errorsOnUpdate(VolumeAttributesClasses, { driverName, parameters: { iops: "1" } }, (draft) => {
    draft.parameters = { iops: "2" };
  });
  assert.deepEqual(errors, ["parameters: Forbidden: updates to parameters are forbidden."]);
  assert.deepEqual(cells(VolumeAttributesClasses, { metadata, driverName }), {
    Name: "fast",
    DriverName: driverName,
    Age: "60s",
  });
});

const source = { persistentVolumeName: "one" };
const attachment = { attacher: "example.com", nodeName: "node-1", source };
const exactlyOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

const attachments: readonly (readonly [string, Partially<VolumeAttachmentSpec>, readonly string[]])[] = [
  ["a good one", attachment, []],
  ["nobody", { nodeName: "node-1", source }, ["spec.attacher: Required value", "spec.attacher: Required value"]],
  ["nothing", { ...attachment, source: {} }, [`spec.source: Required value: ${exactlyOne}`]],
  [
    "two things",
    { ...attachment, source: { ...source, inlineVolumeSpec: {} } },
    [`spec.source: Forbidden: ${exactlyOne}`],
  ],
  [
    "a volume that is written in it",
    {
      ...attachment,
      source: {
        inlineVolumeSpec: {
          accessModes: ["ReadWriteOnce"],
          capacity: { storage: "1Gi" },
          claimRef: { name: "a" },
          nfs: { server: "a", path: "/b" },
          persistentVolumeReclaimPolicy: "Delete",
          storageClassName: "fast",
          volumeMode: "Block",
        },
      },
    },
    [
      "spec.source.inlineVolumeSpec.claimRef: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes",
      "spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in the context of inline volumes",
      "spec.source.inlineVolumeSpec.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context of inline volumes",
    ],
  ],
];

for (const [name, spec, expected] of attachments)
  test(`an attachment is validated: ${name}`, () => {
    const errors = errorsOnCreate(VolumeAttachments, { spec }).filter((error) => !error.includes("RFC 1123"));
    assert.deepEqual(errors, expected);
  });

test("an attachment stays, and is attached by its driver", () => {
  const errors = errorsOnUpdate(VolumeAttachments, { spec: attachment }, (draft) => {
    draft.spec.nodeName = "node-2";
  });
  assert.deepEqual(errors, [
    'spec: Invalid value: {"Attacher":"example.com","Source":{"PersistentVolumeName":"one","InlineVolumeSpec":null},"NodeName":"node-2"}: field is immutable',
  ]);
  const status = errorsOnStatusUpdate(VolumeAttachments, { spec: attachment }, (draft) => {
    draft.status = { attached: false, attachError: { message: "ä".repeat(513), errorCode: -1 } };
  });
  assert.deepEqual(status, [
    "status.attachError.message: Too long: may not be more than 262144 bytes",
    "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ]);
  assert.deepEqual(cells(VolumeAttachments, { metadata, spec: attachment }), {
    Name: "fast",
    Attacher: "example.com",
    PV: "one",
    Node: "node-1",
    Attached: false,
    Age: "60s",
  });
});

test("a driver gets defaults", () => {
  assert.deepEqual(created(CSIDrivers, {}).spec, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    volumeLifecycleModes: ["Persistent"],
    requiresRepublish: false,
    seLinuxMount: false,
  });
});

const drivers: readonly (readonly [string, Partially<CSIDriverSpec>, readonly string[]])[] = [
  ["a good one", { tokenRequests: [{ audience: "" }, { audience: "a", expirationSeconds: 600 }] }, []],
  [
    "unknown words",
    { fsGroupPolicy: "Ask", volumeLifecycleModes: ["Short"] },
    [
      'spec.fsGroupPolicy: Unsupported value: "Ask": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.volumeLifecycleModes: Unsupported value: "Short": supported values: "Persistent", "Ephemeral"',
    ],
  ],
  [
    "tokens",
    { tokenRequests: [{ audience: "a", expirationSeconds: 599 }, { audience: "a" }] },
    [
      "spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
    ],
  ],
  [
    "a short period",
    { nodeAllocatableUpdatePeriodSeconds: 9 },
    ["spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds"],
  ],
];

for (const [name, spec, errors] of drivers)
  test(`a driver is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(CSIDrivers, { spec }), errors);
  });

test("a driver keeps how it attaches", () => {
  const errors = errorsOnUpdate(CSIDrivers, {}, (draft) => {
    draft.spec.attachRequired = false;
    draft.spec.volumeLifecycleModes = ["Ephemeral"];
    draft.spec.podInfoOnMount = true;
  });
  assert.deepEqual(errors, [
    "spec.attachedRequired: Invalid value: false: field is immutable",
    'spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable',
  ]);
  assert.deepEqual(cells(CSIDrivers, { metadata, spec: { tokenRequests: [{ audience: "a" }] } }), {
    Name: "fast",
    AttachRequired: true,
    PodInfoOnMount: false,
    StorageCapacity: false,
    TokenRequests: "a",
    RequiresRepublish: false,
    Modes: "Persistent",
    Age: "60s",
  });
});

const onNode: CSINodeDriver = { name: "example.com", nodeID: "one", topologyKeys: ["zone"] };

test("the drivers of a node are validated", () => {
  const errors = (list: readonly Partially<CSINodeDriver>[]) => errorsOnCreate(CSINodes, { spec: { drivers: list } });
  assert.deepEqual(errors([onNode]), []);
  assert.deepEqual(
    errors([onNode, { ...onNode, nodeID: "", topologyKeys: ["zone", "zone"], allocatable: { count: -1 } }]),
    [
      "spec.drivers[1].nodeID: Required value",
      "spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
      'spec.drivers[1].name: Duplicate value: "example.com"',
      'spec.drivers[1]: Duplicate value: "zone"',
    ],
  );
  assert.match(errors([{ ...onNode, nodeID: "ä".repeat(129) }]).join(), /must be 256 characters or less$/);
  assert.deepEqual(errors([{ ...onNode, nodeID: "a".repeat(257) }]), [
    `spec.drivers[0].nodeID: Invalid value: "${"a".repeat(257)}": must be 256 characters or less`,
  ]);
});

test("a driver stays on a node as it is, but for how much it attaches", () => {
  const change = (next: CSINodeDriver) =>
    errorsOnUpdate(CSINodes, { spec: { drivers: [onNode] } }, (draft) => {
      draft.spec.drivers = [deepCopy(next)];
    });
  assert.deepEqual(change({ ...onNode, allocatable: { count: 5 } }), []);
  assert.deepEqual(change({ ...onNode, nodeID: "two" }), [
    'spec.drivers: Invalid value: {"Name":"example.com","NodeID":"two","TopologyKeys":["zone"],"Allocatable":null}: field is immutable',
  ]);
  assert.deepEqual(cells(CSINodes, { metadata, spec: { drivers: [onNode] } }), {
    Name: "fast",
    Drivers: 1,
    Age: "60s",
  });
});

test("the capacity of storage is of a class, and stays there", () => {
  assert.deepEqual(errorsOnCreate(CSIStorageCapacities, { storageClassName: "fast", capacity: "-1" }), [
    'capacity: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  const errors = errorsOnUpdate(CSIStorageCapacities, { storageClassName: "fast", capacity: "1Gi" }, (draft) => {
    draft.storageClassName = "slow";
    draft.capacity = "2Gi";
  });
  assert.deepEqual(errors, ['storageClassName: Invalid value: "slow": field is immutable']);
  assert.deepEqual(cells(CSIStorageCapacities, { metadata, storageClassName: "fast" }), {
    Name: "fast",
    StorageClassName: "fast",
    Capacity: "<unset>",
  });
});
