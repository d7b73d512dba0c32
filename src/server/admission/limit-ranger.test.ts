import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type LimitRangeItem,
  LimitRanges,
  type NewObject,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  type ResourceRequirements,
} from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { limitRanger } from "./limit-ranger.ts";
import { admitted } from "./request-for-tests.ts";

function limits(...items: readonly LimitRangeItem[]) {
  return limitRanger(
    new ObjectLookup().put(LimitRanges, { metadata: { name: "l", namespace: "green" }, spec: { limits: items } }),
  );
}

function pod(...resources: readonly ResourceRequirements[]): NewObject<Pod> {
  return {
    metadata: { name: "web", namespace: "green" },
    spec: { containers: resources.map((each, index) => ({ name: `c${index}`, resources: each })) },
  };
}

test("containers get the defaults that they leave out, and the pod says so", async () => {
  const plugin = limits({ type: "Container", default: { cpu: "1", memory: "1Gi" }, defaultRequest: { cpu: "100m" } });
  const object = pod({}, { requests: { cpu: "5m" }, limits: { memory: "2Gi" } });
  const { metadata, spec } = await admitted(plugin, Pods, { object });
  assert.deepEqual(spec.containers[0]?.resources, { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Gi" } });
  assert.deepEqual(spec.containers[1]?.resources, { requests: { cpu: "5m" }, limits: { cpu: "1", memory: "2Gi" } });
  assert.equal(
    metadata.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu request for container c0; cpu, memory limit for container c0; cpu limit for container c1",
  );
});

test("containers and pods outside the limits are refused as Kubernetes words it", async () => {
  const cases: readonly [LimitRangeItem, ResourceRequirements, string | undefined][] = [
    [{ type: "Container", min: { cpu: "100m" } }, { requests: { cpu: "0.1" } }, undefined],
    [
      { type: "Container", min: { cpu: "100m" } },
      { requests: { cpu: "50m" } },
      "minimum cpu usage per Container is 100m, but request is 50m",
    ],
    [
      { type: "Container", min: { memory: "500Mi" } },
      {},
      "minimum memory usage per Container is 500Mi.  No request is specified",
    ],
    [
      { type: "Container", max: { memory: "1Gi" } },
      { limits: { memory: "1536Mi" } },
      "maximum memory usage per Container is 1Gi, but limit is 1536Mi",
    ],
    [
      { type: "Container", max: { memory: "1Gi" } },
      { requests: { memory: "1Gi" } },
      "maximum memory usage per Container is 1Gi.  No limit is specified",
    ],
    [
      { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      { requests: { cpu: "100m" }, limits: { cpu: "300m" } },
      "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
    ],
    [
      { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      { requests: { cpu: "100m" }, limits: { cpu: "200m" } },
      undefined,
    ],
    [
      { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      { limits: { cpu: "1" } },
      "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ],
    [
      { type: "Pod", max: { cpu: "1" } },
      { requests: { cpu: "600m" }, limits: { cpu: "600m" } },
      "maximum cpu usage per Pod is 1, but limit is 1200m",
    ],
    [
      { type: "Container", min: { cpu: "1", memory: "1Gi" } },
      { requests: { cpu: "1", memory: "1" } },
      "minimum memory usage per Container is 1Gi, but request is 1",
    ],
  ];
  for (const [item, resources, why] of cases) {
    const attempt = admitted(limits(item), Pods, { object: pod(resources, resources) });
    if (why === undefined) await attempt;
    else await assert.rejects(attempt, { message: `pods "web" is forbidden: ${why}` }, why);
  }
});

test("several faults are told together", async () => {
  const plugin = limits({ type: "Container", min: { cpu: "1" }, max: { memory: "1Gi" } });
  await assert.rejects(admitted(plugin, Pods, { object: pod({}) }), {
    message:
      'pods "web" is forbidden: [minimum cpu usage per Container is 1.  No request is specified, maximum memory usage per Container is 1Gi.  No limit is specified]',
  });
});

test("claims are measured by what they request", async () => {
  const plugin = limits({ type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } });
  const claim = (storage: string) => ({
    metadata: { name: "data", namespace: "green" },
    spec: { resources: { requests: { storage } } },
  });
  await admitted(plugin, PersistentVolumeClaims, { object: claim("2Gi") });
  await assert.rejects(admitted(plugin, PersistentVolumeClaims, { object: claim("3Gi"), old: claim("2Gi") }), {
    message:
      'persistentvolumeclaims "data" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
  });
  await assert.rejects(admitted(plugin, PersistentVolumeClaims, { object: claim("1M") }), /but request is 1M$/);
});

test("the overhead of a runtime class does not count", async () => {
  const object = pod({ requests: { memory: "1Gi" }, limits: { memory: "1Gi" } });
  const overhead = {
    ...object,
    spec: { ...object.spec, containers: object.spec?.containers ?? [], overhead: { memory: "1Gi" } },
  };
  await admitted(limits({ type: "Pod", max: { memory: "1Gi" } }), Pods, { object: overhead });
});

test("LimitRange, resources: pods get its defaults, and what lies outside its limits is refused", async () => {
  const range: LimitRangeItem = {
    type: "Container",
    min: { cpu: "50m", memory: "100Mi", "ephemeral-storage": "100Gi" },
    max: { cpu: "500m", memory: "500Mi", "ephemeral-storage": "500Gi" },
    default: { cpu: "500m", memory: "500Mi", "ephemeral-storage": "500Gi" },
    defaultRequest: { cpu: "100m", memory: "200Mi", "ephemeral-storage": "200Gi" },
  };
  const lookup = new ObjectLookup();
  const set = (item: LimitRangeItem) =>
    lookup.put(LimitRanges, { metadata: { name: "l", namespace: "green" }, spec: { limits: [item] } });
  set(range);
  const plugin = limitRanger(lookup);
  const resourcesOf = async (resources: ResourceRequirements) =>
    (await admitted(plugin, Pods, { object: pod(resources) })).spec.containers[0]?.resources;
  assert.deepEqual(await resourcesOf({}), { requests: range.defaultRequest, limits: range.default });
  assert.deepEqual(await resourcesOf({ requests: { cpu: "300m", memory: "150Mi" }, limits: { cpu: "300m" } }), {
    requests: { cpu: "300m", memory: "150Mi", "ephemeral-storage": "200Gi" },
    limits: { cpu: "300m", memory: "500Mi", "ephemeral-storage": "500Gi" },
  });
  const small = { requests: { cpu: "10m", memory: "50Mi" } };
  await assert.rejects(resourcesOf(small), /minimum cpu usage per Container is 50m, but request is 10m/);
  await assert.rejects(
    resourcesOf({ limits: { cpu: "600m" } }),
    /maximum cpu usage per Container is 500m, but limit is 600m/,
  );
  set({ ...range, min: { cpu: "9m", memory: "49Mi", "ephemeral-storage": "49Gi" } });
  assert.equal((await resourcesOf(small))?.requests?.cpu, "10m");
});

test("a pod that is resized stays within the limits", async () => {
  const plugin = limits({ type: "Container", max: { cpu: "1" } });
  const resize = (cpu: string) =>
    admitted(plugin, Pods, {
      object: pod({ limits: { cpu } }),
      old: pod({ limits: { cpu: "1" } }),
      subresource: "resize",
    });
  await resize("500m");
  await assert.rejects(resize("2"), /maximum cpu usage per Container is 1, but limit is 2/);
});
