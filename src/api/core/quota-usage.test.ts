import assert from "node:assert/strict";
import { test } from "node:test";
import { formatQuantity } from "../meta/quantity.ts";
import type {
  PersistentVolumeClaim,
  Pod,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
} from "../types.generated.ts";
import { isInQuota, quotaEvaluator } from "./quota-usage.ts";

const podKind = quotaEvaluator({ group: "", plural: "pods" });
const nowMs = Date.UTC(2026, 0, 1);

/** Only what is looked at. */
const pod = (spec: object, more: object = {}) =>
  ({
    metadata: { name: "p", namespace: "n" },
    ...more,
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  }) as unknown as Pod;
const quota = (scope: ScopedResourceSelectorRequirement) =>
  ({ spec: { scopeSelector: { matchExpressions: [scope] } } }) as unknown as ResourceQuota;
const is = (scopeName: string, operator = "Exists", values?: string[]): ScopedResourceSelectorRequirement => ({
  scopeName,
  operator,
  ...(values ? { values } : {}),
});

const high = pod({ priorityClassName: "high" });
const plain = pod({});
const measured = pod({ containers: [{ name: "c", image: "i", resources: { requests: { cpu: "1" } } }] });
const ending = pod({ activeDeadlineSeconds: 0 });
const term = { topologyKey: "zone", labelSelector: {} };
const affine = (more: object) =>
  pod({ affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, ...more }] } } });

const scopes: readonly [scope: ScopedResourceSelectorRequirement, inside: readonly Pod[], outside: readonly Pod[]][] = [
  [is("PriorityClass", "In", ["high", "low"]), [high], [plain]],
  [is("PriorityClass", "NotIn", ["low"]), [high, plain], []],
  [is("PriorityClass", "NotIn", ["high"]), [plain], [high]],
  [is("PriorityClass", "Exists"), [high], [plain]],
  [is("PriorityClass", "DoesNotExist"), [plain], [high]],
  [is("Terminating"), [ending], [plain]],
  [is("NotTerminating"), [plain], [ending]],
  [is("BestEffort"), [plain], [measured]],
  [is("NotBestEffort"), [measured], [plain]],
  [
    is("CrossNamespacePodAffinity"),
    [
      affine({ podAffinityTerm: { ...term, namespaces: ["other"] } }),
      affine({ podAffinityTerm: { ...term, namespaceSelector: {} } }),
    ],
    [plain, affine({ podAffinityTerm: term })],
  ],
  [is("VolumeAttributesClass"), [], [plain]],
];

for (const [scope, inside, outside] of scopes) {
  const { scopeName, operator, values = [] } = scope;
  test(`a quota of the scope ${[scopeName, operator, ...values].join(" ")} is about the pods in it alone`, () => {
    for (const each of inside) assert.ok(isInQuota(quota(scope), podKind, each), JSON.stringify(each.spec));
    for (const each of outside) assert.ok(!isInQuota(quota(scope), podKind, each), JSON.stringify(each.spec));
  });
}

test("what has no scopes is in no quota of one", () => {
  const configMaps = quotaEvaluator({ group: "", plural: "configmaps" });
  assert.ok(!isInQuota(quota(is("BestEffort")), configMaps, plain));
});

const usageOf = (each: Pod) =>
  Object.fromEntries([...podKind.usage(each, nowMs)].map(([name, amount]) => [name, formatQuantity(amount)]));

test("a pod takes what its containers ask for: also huge pages and extended resources, and those by their requests", () => {
  const requests = {
    cpu: "1",
    memory: "1Gi",
    "hugepages-2Mi": "4Mi",
    "example.com/gpu": "2",
    "deviceclass.resource.kubernetes.io/gpu": "3",
    "ephemeral-storage": "1Gi",
  };
  const limits = { cpu: "2", "hugepages-2Mi": "4Mi", "example.com/gpu": "2" };
  const used = usageOf(pod({ containers: [{ name: "c", image: "i", resources: { requests, limits } }] }));
  assert.deepEqual(used, {
    ...{ pods: "1", "count/pods": "1", cpu: "1", "requests.cpu": "1", "limits.cpu": "2" },
    ...{ memory: "1Gi", "requests.memory": "1Gi", "ephemeral-storage": "1Gi", "requests.ephemeral-storage": "1Gi" },
    ...{ "hugepages-2Mi": "4Mi", "requests.hugepages-2Mi": "4Mi", "requests.example.com/gpu": "2" },
    "requests.deviceclass.resource.kubernetes.io/gpu": "3",
  });
  for (const name of Object.keys(used)) assert.ok(podKind.counts(name), name);
});

test("a pod that has ended, or should be gone by now, is an object and takes nothing else", () => {
  const gone = { deletionTimestamp: "2025-12-31T23:59:00Z", deletionGracePeriodSeconds: 30 };
  const over = [
    pod({}, { status: { phase: "Succeeded" } }),
    pod({}, { status: { phase: "Failed" } }),
    pod({}, { metadata: { name: "p", ...gone }, status: { phase: "Running" } }),
    pod({}, { metadata: { name: "p", ...gone, deletionGracePeriodSeconds: 3_600 }, status: { phase: "Failed" } }),
  ];
  for (const each of over) assert.deepEqual(usageOf(each), { "count/pods": "1" });
  const going = { ...gone, deletionGracePeriodSeconds: 3_600 };
  assert.equal(usageOf(pod({}, { metadata: { name: "p", ...going }, status: { phase: "Running" } })).pods, "1");
});

test("a claim takes from the quotas of its class, that of the old annotation too", () => {
  const claims = quotaEvaluator({ group: "", plural: "persistentvolumeclaims" });
  const claim = {
    metadata: { annotations: { "volume.beta.kubernetes.io/storage-class": "slow" } },
    spec: { storageClassName: "fast", resources: { requests: { storage: "1Gi" } } },
  } as unknown as PersistentVolumeClaim; // only what is looked at
  const used = [...claims.usage(claim, nowMs).keys()].sort();
  assert.deepEqual(used, [
    "count/persistentvolumeclaims",
    "persistentvolumeclaims",
    "requests.storage",
    "slow.storageclass.storage.k8s.io/persistentvolumeclaims",
    "slow.storageclass.storage.k8s.io/requests.storage",
  ]);
});
