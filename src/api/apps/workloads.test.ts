import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy } from "../../lib/index.ts";
import { ReplicationControllers } from "../core/replication-controller.ts";
import {
  cells,
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
  strategyContext,
} from "../definition-fixture.ts";
import type { KubeObject, ResourceDefinition } from "../resource.ts";
import type {
  DaemonSetSpec,
  DeploymentSpec,
  PodTemplateSpec,
  StatefulSet,
  StatefulSetSpec,
} from "../types.generated.ts";
import { ControllerRevisions } from "./controller-revision.ts";
import { DaemonSets } from "./daemon-set.ts";
import { Deployments } from "./deployment.ts";
import { ReplicaSets } from "./replica-set.ts";
import { StatefulSets } from "./stateful-set.ts";

const template: Partially<PodTemplateSpec> = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "web:1" }] },
};
const selector = { matchLabels: { app: "web" } };
const spec = { selector, template };

test("a workload's template gets the defaults of pods", () => {
  const { template: complete } = created(Deployments, { spec }).spec;
  assert.equal(complete.spec.restartPolicy, "Always");
  assert.equal(complete.spec.containers[0]?.imagePullPolicy, "IfNotPresent");
});

test("a deployment rolls out by quarters", () => {
  const { template: _, ...rest } = created(Deployments, { spec }).spec;
  assert.deepEqual(rest, {
    selector,
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  const { strategy } = created(Deployments, { spec: { ...spec, strategy: { type: "Recreate" } } }).spec;
  assert.deepEqual(strategy, { type: "Recreate" });
});

test("a daemon set counts its templates, whatever its annotation is set to", () => {
  const of = ({ metadata }: KubeObject) => metadata.annotations?.["deprecated.daemonset.template.generation"];
  const first = created(DaemonSets, { spec });
  assert.equal(of(first), "1");
  const updated = (change: (draft: Draft<typeof first>) => void) => {
    const next = deepCopy(first);
    change(next);
    DaemonSets.prepareForUpdate?.(next, first, strategyContext);
    return of(next);
  };
  assert.equal(
    updated((next) => delete next.metadata.annotations),
    "1",
  );
  assert.equal(
    updated((next) => (next.spec.minReadySeconds = 5)),
    "1",
  );
  assert.equal(
    updated((next) => (next.spec.template.spec.containers[0]!.image = "web:2")),
    "2",
  );
});

test("a daemon set replaces one pod after the other", () => {
  const set = created(DaemonSets, { spec });
  assert.deepEqual(set.spec.updateStrategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
  assert.equal(set.spec.revisionHistoryLimit, 10);
});

test("a stateful set keeps order, and its claims", () => {
  const set = created(StatefulSets, { spec: { ...spec, volumeClaimTemplates: [{ metadata: { name: "data" } }] } });
  const { template: _, volumeClaimTemplates, ...rest } = set.spec;
  assert.deepEqual(rest, {
    selector,
    podManagementPolicy: "OrderedReady",
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: 1 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    replicas: 1,
    revisionHistoryLimit: 10,
  });
  assert.deepEqual(volumeClaimTemplates?.[0], {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { resources: {}, volumeMode: "Filesystem" },
    status: { phase: "Pending" },
  });
});

test("a replication controller takes selector and labels from its template", () => {
  const controller = created(ReplicationControllers, { spec: { template } });
  assert.deepEqual(controller.spec.selector, { app: "web" });
  assert.deepEqual(controller.metadata.labels, { app: "web" });
  assert.deepEqual(created(ReplicationControllers, { metadata: { labels: {} }, spec: { template } }).spec.replicas, 1);
});

const unlike = { matchLabels: { app: "other" } };

/** The kinds with a selector, and what Kubernetes calls them in messages. */
const selecting: readonly (readonly [ResourceDefinition, selectorOf: string, templateOf: string])[] = [
  [Deployments as unknown as ResourceDefinition, "deployment", "ReplicaSet"],
  [ReplicaSets as unknown as ResourceDefinition, "deployment", "ReplicaSet"],
  [DaemonSets as unknown as ResourceDefinition, "daemonset", "DaemonSet"],
  [StatefulSets as unknown as ResourceDefinition, "statefulset", "StatefulSet"],
];

for (const [definition, selectorOf, templateOf] of selecting) {
  const errors = (written: object) => errorsOnCreate(definition, { spec: written } as Partially<KubeObject>);

  test(`a ${definition.kind} selects the pods that it makes`, () => {
    assert.deepEqual(errors(spec), []);
    const notSelected = "`selector` does not match template `labels`";
    assert.deepEqual(errors({ template }), [
      ...(definition.kind === "DaemonSet" ? [] : ["spec.selector: Required value"]),
      `spec.template.metadata.labels: Invalid value: {"app":"web"}: ${notSelected}`,
    ]);
    assert.deepEqual(errors({ selector, template: { spec: template.spec } }), [
      `spec.template.metadata.labels: Invalid value: null: ${notSelected}`,
    ]);
    assert.deepEqual(errors({ selector: {}, template }), [
      `spec.selector: Invalid value: {}: empty selector is invalid for ${selectorOf}`,
    ]);
    assert.deepEqual(errors({ selector: unlike, template }), [
      `spec.template.metadata.labels: Invalid value: {"app":"web"}: ${notSelected}`,
    ]);
    const changed = errorsOnUpdate(definition, { spec } as Partially<KubeObject>, (draft) => {
      const written = draft as unknown as { spec: Draft<DeploymentSpec> };
      written.spec.selector = unlike;
      written.spec.template.metadata = { labels: { app: "other" } };
    });
    const immutable = `spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable`;
    if (definition.kind !== "StatefulSet") assert.deepEqual(changed, [immutable]);
  });

  test(`the pods of a ${definition.kind} are there to stay`, () => {
    const brief = { ...template.spec, restartPolicy: "Never", activeDeadlineSeconds: 5 };
    assert.deepEqual(errors({ selector, template: { ...template, spec: brief } }), [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      `spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ${templateOf} is not Supported`,
    ]);
  });

  test(`a ${definition.kind} counts no less than nothing`, () => {
    assert.deepEqual(errors({ ...spec, minReadySeconds: -1 }), [
      "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
    ]);
  });
}

const deployments: readonly (readonly [string, Partially<DeploymentSpec>, readonly string[]])[] = [
  [
    "an image without a name",
    { selector, template: { ...template, spec: { containers: [{ name: "main" }] } } },
    ["spec.template.spec.containers[0].image: Required value"],
  ],
  [
    "an unknown strategy",
    { ...spec, strategy: { type: "BlueGreen" } },
    [
      'spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
  ],
  [
    "a rolling recreation",
    { ...spec, strategy: { type: "Recreate", rollingUpdate: {} } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    "no room to roll",
    { ...spec, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: "0%" } } },
    ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
  ],
  [
    "more than all",
    { ...spec, strategy: { rollingUpdate: { maxUnavailable: "101%" } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    "no percentage",
    { ...spec, strategy: { rollingUpdate: { maxSurge: "some" } } },
    [
      `spec.strategy.rollingUpdate.maxSurge: Invalid value: "some": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
    ],
  ],
  [
    "no count at all",
    { ...spec, strategy: { rollingUpdate: { maxUnavailable: "some", maxSurge: 0 } } },
    [
      `spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "some": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`,
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "some": may not be 0 when `maxSurge` is 0',
    ],
  ],
  [
    "a deadline before its pods can be ready",
    { ...spec, minReadySeconds: 600 },
    ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
  ],
  [
    "negative counts",
    { ...spec, replicas: -1, revisionHistoryLimit: -1 },
    [
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
    ],
  ],
];

for (const [name, written, errors] of deployments)
  test(`a deployment is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(Deployments, { spec: written }), errors);
  });

const daemonSets: readonly (readonly [string, Partially<DaemonSetSpec>, readonly string[]])[] = [
  [
    "both ways at once",
    { ...spec, updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } } },
    ["spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
  ],
  [
    "neither way",
    { ...spec, updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } },
    ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
  ],
  [
    "an unknown strategy",
    { ...spec, updateStrategy: { type: "Never" } },
    [
      'spec.updateStrategy: Unsupported value: {"Type":"Never","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
  ],
];

for (const [name, written, errors] of daemonSets)
  test(`a daemon set is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(DaemonSets, { spec: written }), errors);
  });

const statefulSets: readonly (readonly [string, Partially<StatefulSetSpec>, readonly string[]])[] = [
  [
    "an unknown policy",
    { ...spec, podManagementPolicy: "Random" },
    [`spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`],
  ],
  [
    "parts of a strategy that waits",
    { ...spec, updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } },
    [
      `spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`,
    ],
  ],
  [
    "what becomes of claims",
    { ...spec, persistentVolumeClaimRetentionPolicy: { whenScaled: "Recycle" } },
    [
      'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Recycle": supported values: "Retain", "Delete"',
    ],
  ],
];

const mounting = (name: string) => ({
  ...spec.template,
  spec: { containers: [{ name: "web", image: "web:1", volumeMounts: [{ name, mountPath: "/data" }] }] },
});
const dataClaims = (claim: object) => [{ metadata: { name: "data" }, spec: claim }];
const complete = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

const statefulSetTemplates: typeof statefulSets = [
  ["a volume of a claim", { ...spec, template: mounting("data"), volumeClaimTemplates: dataClaims(complete) }, []],
  [
    "a volume that is nowhere",
    { ...spec, template: mounting("date"), volumeClaimTemplates: dataClaims(complete) },
    ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "date"'],
  ],
  [
    "claims that ask for nothing",
    { ...spec, volumeClaimTemplates: dataClaims({}) },
    [
      "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required",
      "spec.volumeClaimTemplates[0].spec.resources[storage]: Required value",
    ],
  ],
  [
    "a service that can have no such name",
    { ...spec, serviceName: "A" },
    [
      "spec.serviceName: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
];

for (const [name, written, errors] of [...statefulSets, ...statefulSetTemplates])
  test(`a stateful set is validated: ${name}`, () => {
    assert.deepEqual(errorsOnCreate(StatefulSets, { spec: written }), errors);
  });

test("a stateful set that was wrong before rules were made may stay so, but not become so", () => {
  const wrong = { ...spec, serviceName: "A", template: { ...spec.template, spec: { containers: [] } } };
  const volumeClaimTemplates = [{ metadata: { name: "data" }, spec: {} }];
  const scale = (draft: Draft<StatefulSet>) => {
    draft.spec.replicas = 3;
  };
  assert.deepEqual(errorsOnUpdate(StatefulSets, { spec: { ...wrong, volumeClaimTemplates } }, scale), []);
  const empty = errorsOnUpdate(StatefulSets, { spec }, (draft) => {
    draft.spec.template.spec.containers = [];
  });
  assert.deepEqual(empty, ["spec.template.spec.containers: Required value"]);
});

test("of a stateful set only some things change", () => {
  const errors = errorsOnUpdate(StatefulSets, { spec }, (draft) => {
    draft.spec.replicas = 3;
    draft.spec.serviceName = "web";
  });
  assert.deepEqual(errors, [
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden\nchanged:\n  spec.serviceName",
  ]);
});

test("a status counts what can be", () => {
  const errors = errorsOnStatusUpdate(Deployments, { spec }, (draft) => {
    draft.status = { replicas: 2, readyReplicas: 3, availableReplicas: -1, unavailableReplicas: -1 };
  });
  assert.deepEqual(errors, [
    "status.availableReplicas: Invalid value: -1: must be greater than or equal to 0",
    "status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas",
    "status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
  ]);
  const more = errorsOnStatusUpdate(ReplicaSets, { spec }, (draft) => {
    draft.status = { replicas: 2, readyReplicas: 1, availableReplicas: 2 };
  });
  assert.deepEqual(more, ["status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"]);
  const ofSet = errorsOnStatusUpdate(StatefulSets, { spec }, (draft) => {
    draft.status = { replicas: 2, readyReplicas: 1, availableReplicas: 2 };
  });
  assert.deepEqual(ofSet, ["status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas"]);
});

test("a replication controller is validated", () => {
  assert.deepEqual(errorsOnCreate(ReplicationControllers, { spec: { replicas: -1 } }), [
    "spec.selector: Required value",
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    "spec.template: Required value",
  ]);
});

test("the revisions of a workload are numbered and stay", () => {
  assert.deepEqual(errorsOnCreate(ControllerRevisions, { revision: -1 }), [
    "data: Required value: data is mandatory",
    "revision: Invalid value: -1: must be greater than or equal to 0",
  ]);
  const errors = errorsOnUpdate(ControllerRevisions, { data: { a: 1 } }, (draft) => {
    draft.data = { a: 2 };
  });
  assert.deepEqual(errors, ['data: Invalid value: {"a":2}: field is immutable']);
  const ownerReferences = [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "1", controller: true }];
  assert.equal(cells(ControllerRevisions, { metadata: { ownerReferences } }).Controller, "statefulset.apps/web");
});

const images = { Containers: "main", Images: "web:1" };

test("the rows of workloads", () => {
  const metadata = { name: "web", creationTimestamp: "2024-12-31T23:59:00Z" };
  const status = { replicas: 3, readyReplicas: 2, updatedReplicas: 1 };
  const Selector = "app=web";
  assert.deepEqual(cells(Deployments, { metadata, spec: { ...spec, replicas: 3 }, status }), {
    Name: "web",
    Ready: "2/3",
    "Up-to-date": 1,
    Available: 0,
    Age: "60s",
    ...images,
    Selector,
  });
  const replicas = { Name: "web", Desired: 3, Current: 3, Ready: 2, Age: "60s", ...images, Selector };
  const counted = { replicas: 3, readyReplicas: 2 };
  assert.deepEqual(cells(ReplicaSets, { metadata, spec: { ...spec, replicas: 3 }, status: counted }), replicas);
  const controller = { metadata, spec: { replicas: 3, template }, status: counted };
  assert.deepEqual(cells(ReplicationControllers, controller), replicas);
  assert.deepEqual(cells(StatefulSets, { metadata, spec, status: counted }), {
    Name: "web",
    Ready: "2/1",
    Age: "60s",
    ...images,
  });
  const onNodes = { ...template, spec: { ...template.spec, nodeSelector: { disk: "fast" } } };
  const perNode = { desiredNumberScheduled: 3, currentNumberScheduled: 2, numberReady: 1 };
  assert.deepEqual(cells(DaemonSets, { metadata, spec: { selector, template: onNodes }, status: perNode }), {
    Name: "web",
    Desired: 3,
    Current: 2,
    Ready: 1,
    "Up-to-date": 0,
    Available: 0,
    "Node Selector": "disk=fast",
    Age: "60s",
    ...images,
    Selector,
  });
});

test("the size of workloads can be read and set", () => {
  const deployment = created(Deployments, { spec: { ...spec, replicas: 2 } });
  assert.equal(Deployments.scale?.specReplicas(deployment), 2);
  assert.equal(Deployments.scale?.statusReplicas(deployment), 0);
  assert.equal(Deployments.scale?.labelSelectorOf(deployment), "app=web");
  const draft = deepCopy(deployment);
  Deployments.scale?.withReplicas(draft, 5);
  assert.equal(draft.spec.replicas, 5);
  const controller = created(ReplicationControllers, { spec: { template } });
  assert.equal(ReplicationControllers.scale?.labelSelectorOf(controller), "app=web");
});

test("who reports on a deployment does not change its labels", () => {
  const old = created(Deployments, { metadata: { labels: { a: "b" } }, spec });
  const next = deepCopy(old);
  next.metadata.labels = { c: "d" };
  Deployments.prepareForStatusUpdate?.(next, old, strategyContext);
  assert.deepEqual(next.metadata.labels, { a: "b" });
});
