import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy, deepFreeze } from "../lib/index.ts";
import { CustomResourceDefinitions } from "./apiextensions/index.ts";
import { Deployments } from "./apps/index.ts";
import { Leases } from "./coordination/index.ts";
import { Nodes, Pods } from "./core/index.ts";
import { created, type Partially, strategyContext } from "./definition-fixture.ts";
import { disabledFeatures } from "./disabled-features.ts";
import { ResourceClaims, ResourceSlices } from "./resource/index.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";
import { decodeObject } from "./schema/decode-object.ts";
import { definitions } from "./schema/facts.ts";
import { shortName } from "./schema/go-types.ts";
import { CSIDrivers } from "./storage/index.ts";
import type { CustomResourceDefinition, Pod, PodSpec } from "./types.generated.ts";

/** The object after an update of the status, of what was stored before features were told apart. */
function statusUpdated<T extends KubeObject>(definition: ResourceDefinition<T>, old: T, next: T): T {
  const draft = { ...next } as Draft<T>; // only the top level is private, as in the pipeline
  definition.prepareForStatusUpdate?.(draft, old, strategyContext);
  return draft as T;
}

function updated<T extends KubeObject>(definition: ResourceDefinition<T>, old: T, next: T): T {
  const draft = { ...next } as Draft<T>; // as above
  definition.prepareForUpdate?.(draft, old, strategyContext);
  return draft as T;
}

const spec = (more: Partially<PodSpec> = {}): Partially<PodSpec> => ({
  containers: [{ name: "c", image: "i", lifecycle: { stopSignal: "SIGUSR1" } }],
  volumes: [
    {
      name: "v",
      projected: {
        sources: [
          { clusterTrustBundle: { name: "b", path: "p" } },
          { podCertificate: { signerName: "example.com/s", keyType: "ED25519", keyPath: "k" } },
          { configMap: { name: "c" } },
        ],
      },
    },
  ],
  ...more,
});

test("every field of a disabled feature is one that its schema has", () => {
  const schemas = new Map(Object.entries(definitions).map(([name, schema]) => [shortName(name), schema]));
  for (const [feature, fields] of Object.entries(disabledFeatures))
    for (const [schema, names] of Object.entries(fields))
      for (const name of names) assert.ok(schemas.get(schema)?.properties?.[name], `${feature}: ${schema}.${name}`);
});

test("a pod loses the fields of disabled features when it is created, and keeps the rest", () => {
  const { containers, volumes } = created(Pods, { spec: spec() }).spec;
  assert.equal(containers[0]?.lifecycle, undefined);
  assert.deepEqual(
    volumes?.[0]?.projected?.sources?.map((each) => Object.keys(each)),
    [[], [], ["configMap"]],
  );
});

test("a container keeps what else its lifecycle says", () => {
  const lifecycle = { stopSignal: "SIGUSR1", preStop: { sleep: { seconds: 1 } } };
  const { containers } = created(Pods, { spec: { containers: [{ name: "c", image: "i", lifecycle }] } }).spec;
  assert.deepEqual(containers[0]?.lifecycle, { preStop: { sleep: { seconds: 1 } } });
});

test("templates of pods lose them too", () => {
  const { template } = created(Deployments, { spec: { template: { spec: spec() } } }).spec;
  assert.equal(template.spec?.containers[0]?.lifecycle, undefined);
});

test("what an object used before it may go on using, one feature at a time", () => {
  const old = deepFreeze({ ...created(Pods, { spec: spec() }), spec: spec() } as Pod);
  const next = deepCopy(old);
  assert.deepEqual(updated(Pods, old, deepFreeze(next as Pod)).spec, old.spec);
  const before = deepFreeze({ ...old, spec: spec({ volumes: [] }) } as Pod);
  const changed = updated(Pods, before, old).spec;
  assert.equal(changed.containers[0]?.lifecycle?.stopSignal, "SIGUSR1");
  assert.deepEqual(changed.volumes?.[0]?.projected?.sources?.[0], {});
  assert.deepEqual(old.spec.volumes?.[0]?.projected?.sources?.[0], { clusterTrustBundle: { name: "b", path: "p" } });
});

test("an update that uses no such feature leaves every part of the object as it is", () => {
  const old = created(Pods, { spec: { containers: [{ name: "c", image: "i" }] } });
  const next = updated(Pods, old, old);
  assert.equal(next.spec, old.spec);
});

test("a status loses them when it is written", () => {
  const pod = created(Pods, { spec: { containers: [{ name: "c", image: "i" }] } });
  const status = {
    resources: { requests: { cpu: "1" } },
    extendedResourceClaimStatus: { resourceClaimName: "c", requestMappings: [] },
    containerStatuses: [
      {
        ...{ name: "c", image: "i", imageID: "", ready: true, restartCount: 0, state: {}, lastState: {} },
        allocatedResources: { cpu: "1" },
        allocatedResourcesStatus: [{ name: "d" }],
      },
    ],
  };
  const next = statusUpdated(Pods, pod, deepFreeze({ ...pod, status })).status;
  assert.deepEqual(Object.keys(next), ["containerStatuses", "qosClass"]);
  assert.deepEqual(next.containerStatuses?.[0]?.allocatedResources, { cpu: "1" });
  assert.equal(next.containerStatuses?.[0]?.allocatedResourcesStatus, undefined);
  const node = created(Nodes, {});
  const { declaredFeatures } = statusUpdated(Nodes, node, { ...node, status: { declaredFeatures: ["F"] } }).status;
  assert.equal(declaredFeatures, undefined);
});

test("a CustomResourceDefinition's status does not say which generation it is about", () => {
  const old = created(CustomResourceDefinitions, {});
  const status = {
    observedGeneration: 1,
    conditions: [{ type: "Established", status: "True", observedGeneration: 1 }],
  };
  const next = statusUpdated(CustomResourceDefinitions, old, { ...old, status } as CustomResourceDefinition).status;
  assert.deepEqual(next, { conditions: [{ type: "Established", status: "True" }] });
});

test("devices, claims, leases and drivers lose theirs", () => {
  const slice = created(ResourceSlices, {
    spec: {
      devices: [{ name: "d", taints: [{ key: "k", effect: "NoSchedule" }], attributes: { a: { int: 1, ints: [1] } } }],
    },
  });
  assert.deepEqual(slice.spec.devices, [{ name: "d", attributes: { a: { int: 1 } } }]);
  const exactly = { deviceClassName: "c", tolerations: [{ key: "k" }], capacity: { requests: { a: "1" } } };
  const claim = created(ResourceClaims, { spec: { devices: { requests: [{ name: "r", exactly }] } } });
  assert.deepEqual(Object.keys(claim.spec.devices?.requests?.[0]?.exactly ?? {}).sort(), [
    "allocationMode",
    "count",
    "deviceClassName",
  ]);
  const lease = created(Leases, { spec: { holderIdentity: "me", strategy: "OldestEmulationVersion" } });
  assert.deepEqual(lease.spec, { holderIdentity: "me" });
  assert.equal(
    "preventPodSchedulingIfMissing" in created(CSIDrivers, { spec: { preventPodSchedulingIfMissing: true } }).spec,
    false,
  );
});

test("a field of a disabled feature is known: strict decoding takes it and warns of nothing", () => {
  const workloadRef = { name: "w", podGroup: "g" };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { ...spec(), workloadRef } };
  const { object, warnings } = decodeObject(Pods, pod, "Strict");
  assert.deepEqual(warnings, []);
  Pods.prepareForCreate?.(object as Draft<Pod>, strategyContext);
  assert.equal("workloadRef" in (object as Draft<Pod>).spec, false);
});
