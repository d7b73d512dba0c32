import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy } from "../../lib/index.ts";
import { created, type Partially, strategyContext } from "../definition-fixture.ts";
import { fieldErrorBody } from "../meta/api-error.ts";
import { rootPath } from "../meta/field-error.ts";
import type { Container, Pod } from "../types.generated.ts";
import { Pods } from "./pod.ts";
import {
  validateEphemeralContainersUpdate,
  validatePodResize,
  withEphemeralContainers,
  withResizedContainers,
} from "./pod-subresources.ts";

const main: Partially<Container> = {
  name: "main",
  image: "web:1",
  resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "2Gi" } },
};

function podOf(spec: Partially<Pod["spec"]> = {}): Pod {
  return created(Pods, { spec: { containers: [main], ...spec } });
}

function changed(pod: Pod, change: (draft: Draft<Pod>) => void): Pod {
  const draft = deepCopy(pod);
  change(draft);
  return draft as Pod;
}

type Rule = typeof validatePodResize;

const found = (rule: Rule, next: Pod, old: Pod) =>
  rule(next, old, rootPath).map((error) => `${error.field}: ${fieldErrorBody(error)}`);

test("of what is written, only the ephemeral containers count", () => {
  const old = podOf();
  const next = withEphemeralContainers(
    old,
    changed(old, ({ spec }) => {
      spec.ephemeralContainers = [{ name: "debug", image: "tools" }];
      spec.nodeName = "elsewhere";
    }),
  );
  assert.equal(next.spec.nodeName, undefined);
  assert.deepEqual(next.spec.ephemeralContainers, [{ name: "debug", image: "tools" }]);
});

test("ephemeral containers stay once they are there", () => {
  const old = podOf({ ephemeralContainers: [{ name: "debug", image: "tools" }] });
  const more = changed(old, ({ spec }) => {
    spec.ephemeralContainers?.push({ name: "more", image: "tools" });
  });
  assert.deepEqual(found(validateEphemeralContainersUpdate, more, old), []);
  const none = changed(old, ({ spec }) => {
    delete spec.ephemeralContainers;
  });
  assert.deepEqual(found(validateEphemeralContainersUpdate, none, old), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
  ]);
  const other = changed(old, ({ spec }) => {
    for (const container of spec.ephemeralContainers ?? []) container.image = "other";
  });
  assert.deepEqual(found(validateEphemeralContainersUpdate, other, old), [
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be changed\nchanged:\n  spec.ephemeralContainers.image',
  ]);
});

const resized = (resources: Partially<Container["resources"]>) =>
  changed(podOf(), ({ spec }) => {
    spec.containers = [{ ...spec.containers[0], resources } as Draft<Container>];
  });

test("of what is written, only the resources count", () => {
  const old = podOf();
  const body = changed(resized({ requests: { cpu: "500m" } }), ({ spec }) => {
    for (const container of spec.containers) container.image = "other";
  });
  const next = withResizedContainers(old, body);
  assert.deepEqual(next.spec.containers[0]?.resources, { requests: { cpu: "500m" } });
  assert.equal(next.spec.containers[0]?.image, "web:1");
});

const resizes: readonly (readonly [string, Partially<Container["resources"]>, readonly string[]])[] = [
  ["more of both", { requests: { cpu: "2", memory: "2Gi" }, limits: { cpu: "4", memory: "4Gi" } }, []],
  [
    "something else",
    { requests: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" }, limits: { cpu: "2", memory: "2Gi" } },
    ["spec: Forbidden: only cpu and memory resources are mutable"],
  ],
  [
    "no limit any more",
    { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2" } },
    ["spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"],
  ],
  [
    "another class of service",
    { requests: { cpu: "2", memory: "2Gi" }, limits: { cpu: "2", memory: "2Gi" } },
    ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
  ],
];

for (const [name, resources, errors] of resizes)
  test(`a resize is validated: ${name}`, () => {
    assert.deepEqual(found(validatePodResize, resized(resources), podOf()), errors);
  });

test("pods that belong to a node are not changed from here", () => {
  const annotations = { "kubernetes.io/config.mirror": "1" };
  const pod = created(Pods, { metadata: { annotations }, spec: { nodeName: "one", containers: [main] } });
  assert.deepEqual(found(validatePodResize, pod, pod), [": Forbidden: static pods cannot be resized"]);
  assert.deepEqual(found(validateEphemeralContainersUpdate, pod, pod), [
    ": Forbidden: static pods do not support ephemeral containers",
  ]);
});

test("who reports on a pod changes neither its owners nor forgets its class", () => {
  const ownerReferences = [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web", uid: "1" }];
  const old = created(Pods, { metadata: { ownerReferences }, spec: { containers: [main] } });
  const next = deepCopy(old);
  delete next.metadata.ownerReferences;
  next.status = { phase: "Running" };
  Pods.prepareForStatusUpdate?.(next, old, strategyContext);
  assert.deepEqual(next.metadata.ownerReferences, ownerReferences);
  assert.deepEqual(next.status, { phase: "Running", qosClass: "Burstable" });
});

test("amounts finer than thousandths are rounded up", () => {
  const resources = { limits: { cpu: "0.0001" }, requests: { cpu: "50u", memory: "1Gi" } };
  const pod = created(Pods, { spec: { containers: [{ ...main, resources }], overhead: { cpu: "1500n" } } });
  assert.deepEqual(pod.spec.containers[0]?.resources, {
    limits: { cpu: "1m" },
    requests: { cpu: "1m", memory: "1Gi" },
  });
  assert.deepEqual(pod.spec.overhead, { cpu: "1m" });
});
