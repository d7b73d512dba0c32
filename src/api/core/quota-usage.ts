// What objects take from the quotas of their namespace: k8s.io/kubernetes/pkg/quota/v1/evaluator/core and
// k8s.io/apiserver/pkg/quota/v1/generic. https://kubernetes.io/docs/concepts/policy/resource-quotas/
import { type GroupResource, qualifiedResource } from "../meta/api-error.ts";
import { compareQuantities, type ParsedQuantity, parseQuantity, wholeQuantity } from "../meta/quantity.ts";
import { parseTime } from "../meta/time.ts";
import type { KubeObject } from "../resource.ts";
import type {
  Container,
  ExactDeviceRequest,
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceClaimSpec,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
  Service,
} from "../types.generated.ts";
import { claimClass } from "./persistent-volume-claim.ts";
import { isPodTerminal } from "./pod-condition.ts";
import { podQos } from "./pod-qos.ts";
import { podLimitsInForce, podRequests, type ResourceAmounts } from "./pod-resources.ts";
import { isExtendedResource, isHugePages } from "./resource-names.ts";

/** How the objects of one resource are counted. */
export interface QuotaEvaluator {
  /** Whether a quota's resource of this name counts them. */
  counts(name: string): boolean;
  usage(object: KubeObject, nowMs: number): ResourceAmounts;
  /** Whether the object is in the scope that a quota names; undefined where objects have no scopes. */
  inScope?(object: KubeObject, scope: ScopedResourceSelectorRequirement): boolean;
  /** Why a quota of these resources cannot count the object. */
  whyUncountable?(object: KubeObject, names: readonly string[]): string | undefined;
  /** Whether such a write takes from the quota; of the others the controller learns. */
  isCharged(operation: "CREATE" | "UPDATE", subresource: string, next: KubeObject, old?: KubeObject): boolean;
}

const one = parseQuantity("1");
const whole = (count: number): ParsedQuantity => ({ ...one, mantissa: BigInt(count) });
const isCreate = (operation: "CREATE" | "UPDATE", subresource: string) => operation === "CREATE" && subresource === "";
const isWrite: QuotaEvaluator["isCharged"] = (_operation, subresource) => subresource === "";

export function quotaEvaluator(resource: GroupResource): QuotaEvaluator {
  return evaluators.get(qualifiedResource(resource)) ?? objectCount(resource);
}

/** Kinds that quotas could count by their plural alone before there was count/. */
const namedKinds = new Set(["configmaps", "secrets", "replicationcontrollers", "resourcequotas"]);

function objectCount(resource: GroupResource): QuotaEvaluator {
  const names = [countOf(resource)];
  if (resource.group === "" && namedKinds.has(resource.plural)) names.push(resource.plural);
  const usage = new Map(names.map((name) => [name, one]));
  return { counts: (name) => usage.has(name), usage: () => usage, isCharged: isCreate };
}

const countOf = (resource: GroupResource) => `count/${qualifiedResource(resource)}`;

// Pods.

const computeNames = ["cpu", "memory", "ephemeral-storage"];
const podNames = new Set([
  ...["pods", "count/pods"],
  ...computeNames.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
/** Of which every container must say something when a quota counts them. */
const demandedNames = new Set(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]);

/** Extended resources, also those that stand for the devices of a class. */
const isExtended = (name: string) => isExtendedResource(name) || name.startsWith("deviceclass.resource.kubernetes.io/");

// The evaluators below are given objects of their kind: they are found by its name.
const pods: QuotaEvaluator = {
  counts(name) {
    if (podNames.has(name) || isHugePages(name)) return true;
    const requested = name.startsWith("requests.") ? name.slice("requests.".length) : undefined;
    return requested !== undefined && (isHugePages(requested) || isExtended(requested));
  },
  usage(object, nowMs) {
    const pod = object as Pod;
    const usage = new Map([["count/pods", one]]);
    if (hasEnded(pod, nowMs)) return usage;
    addCompute(usage, podRequests(pod), podLimitsInForce(pod));
    return usage;
  },
  inScope: (object, scope) => podInScope(object as Pod, scope),
  whyUncountable: (object, names) => missingAmounts(object as Pod, names),
  isCharged(operation, subresource, next, old) {
    if (operation === "CREATE") return subresource === "";
    // A deadline brings the pod into another scope.
    return subresource === "resize" || (subresource === "" && terminates(next as Pod) !== terminates(old as Pod));
  },
};

function hasEnded(pod: Pod, nowMs: number): boolean {
  if (isPodTerminal(pod)) return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  // One that should be gone by now and is not hangs on a node that is lost.
  return nowMs > parseTime(deletionTimestamp) + Number(deletionGracePeriodSeconds) * 1000;
}

function addCompute(usage: Map<string, ParsedQuantity>, requests: ResourceAmounts, limits: ResourceAmounts): void {
  usage.set("pods", one);
  for (const [name, amount] of requests) {
    if (computeNames.includes(name) || isHugePages(name)) usage.set(name, amount);
    if (computeNames.includes(name) || isHugePages(name) || isExtended(name)) usage.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of limits) if (computeNames.includes(name)) usage.set(`limits.${name}`, amount);
}

function terminates({ spec }: Pod): boolean {
  return spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;
}

function podInScope(pod: Pod, scope: ScopedResourceSelectorRequirement): boolean {
  const { spec } = pod;
  switch (scope.scopeName) {
    case "Terminating":
      return terminates(pod);
    case "NotTerminating":
      return !terminates(pod);
    case "BestEffort":
      return podQos(pod) === "BestEffort";
    case "NotBestEffort":
      return podQos(pod) !== "BestEffort";
    case "PriorityClass":
      return isSelected(spec.priorityClassName, scope);
    case "CrossNamespacePodAffinity":
      return affinityTerms(pod).some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector);
    default:
      return false;
  }
}

function isSelected(value: string | undefined, { operator, values = [] }: ScopedResourceSelectorRequirement): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && value !== "" && values.includes(value);
    case "NotIn":
      return value === undefined || value === "" || !values.includes(value);
    case "Exists":
      return value !== undefined && value !== "";
    default:
      return value === undefined || value === "";
  }
}

function affinityTerms({ spec }: Pod): readonly PodAffinityTerm[] {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  return [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
}

function missingAmounts({ spec }: Pod, names: readonly string[]): string | undefined {
  const { requests = {}, limits = {} } = spec.resources ?? {};
  if (Object.keys(requests).length > 0 || Object.keys(limits).length > 0) return undefined;
  const demanded = names.filter((name) => demandedNames.has(name)).sort();
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const missing = demanded.flatMap((name) => {
    const without = containers.filter((container) => !saysAmount(container, name)).map((container) => container.name);
    return without.length === 0 ? [] : [`${name} for: ${[...new Set(without)].sort().join(",")}`];
  });
  return missing.length === 0 ? undefined : `must specify ${missing.join("; ")}`;
}

function saysAmount({ resources }: Container, quotaName: string): boolean {
  const [list, name] = quotaName.startsWith("limits.")
    ? [resources?.limits, quotaName.slice("limits.".length)]
    : [resources?.requests, quotaName.replace("requests.", "")];
  return list?.[name] !== undefined;
}

// Claims.

const classSuffix = ".storageclass.storage.k8s.io/";

const claims: QuotaEvaluator = {
  counts: (name) =>
    ["persistentvolumeclaims", "requests.storage", "count/persistentvolumeclaims"].includes(name) ||
    name.endsWith(`${classSuffix}requests.storage`) ||
    name.endsWith(`${classSuffix}persistentvolumeclaims`),
  usage(object) {
    const claim = object as PersistentVolumeClaim;
    const usage = new Map([
      ["count/persistentvolumeclaims", one],
      ["persistentvolumeclaims", one],
    ]);
    const className = claimClass(claim);
    if (className !== "") usage.set(`${className}${classSuffix}persistentvolumeclaims`, one);
    const storage = storageOf(claim);
    if (storage === undefined) return usage;
    usage.set("requests.storage", storage);
    if (className !== "") usage.set(`${className}${classSuffix}requests.storage`, storage);
    return usage;
  },
  inScope: (object, scope) =>
    scope.scopeName === "VolumeAttributesClass" && hasClassOf(object as PersistentVolumeClaim, scope),
  // More storage may be given than is asked for, and another class be on its way: the status says so.
  isCharged: (_operation, subresource) => subresource === "" || subresource === "status",
};

/** A claim counts for the class that it has, the one that it wants and the one that it is on its way to. */
function hasClassOf({ spec, status }: PersistentVolumeClaim, scope: ScopedResourceSelectorRequirement): boolean {
  const names = [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== "");
  return names.length === 0 ? isSelected(undefined, scope) : names.some((name) => isSelected(name, scope));
}

/** What it asks for, or has been given already where that is more. */
function storageOf({ spec, status }: PersistentVolumeClaim): ParsedQuantity | undefined {
  const requested = spec.resources?.requests?.storage;
  if (requested === undefined) return undefined;
  const allocated = status?.allocatedResources?.storage;
  const amount = allocated !== undefined && compareQuantities(allocated, requested) > 0 ? allocated : requested;
  // Whole bytes, for the status of a quota has no others.
  return wholeQuantity(amount);
}

// Services.

const serviceNames = new Set(["services", "count/services", "services.nodeports", "services.loadbalancers"]);

const services: QuotaEvaluator = {
  counts: (name) => serviceNames.has(name),
  usage(object) {
    const { type, ports = [], allocateLoadBalancerNodePorts = true } = (object as Service).spec;
    const isBalanced = type === "LoadBalancer";
    const taken = ports.filter(({ nodePort }) => allocateLoadBalancerNodePorts || nodePort).length;
    return new Map([
      ["services", one],
      ["count/services", one],
      ["services.nodeports", whole(isBalanced ? taken : type === "NodePort" ? ports.length : 0)],
      ["services.loadbalancers", whole(isBalanced ? 1 : 0)],
    ]);
  },
  isCharged: isWrite,
};

// Claims of devices.

const devicesSuffix = ".deviceclass.resource.k8s.io/devices";
/** How many devices can be allocated to one claim (AllocationResultsMaxSize): "All" may become as many. */
const allocatedDevicesMax = 32;

const deviceClaims: QuotaEvaluator = {
  counts: (name) => name === "count/resourceclaims.resource.k8s.io" || name.endsWith(devicesSuffix),
  usage(object) {
    const { devices } = (object as DeviceClaimObject).spec;
    const counts = new Map<string, number>();
    for (const { exactly, firstAvailable = [] } of devices?.requests ?? [])
      for (const [className, count] of mostOfEach(exactly ? [exactly] : firstAvailable))
        counts.set(className, (counts.get(className) ?? 0) + count);
    return new Map([
      ["count/resourceclaims.resource.k8s.io", one],
      ...[...counts].map(([className, count]): [string, ParsedQuantity] => [className + devicesSuffix, whole(count)]),
    ]);
  },
  isCharged: isWrite,
};

type DeviceClaimObject = KubeObject & { readonly spec: ResourceClaimSpec };
type DeviceChoice = Pick<ExactDeviceRequest, "deviceClassName" | "allocationMode" | "count">;

/** For each class the most that any of the alternatives takes of it. */
function mostOfEach(alternatives: readonly DeviceChoice[]): ReadonlyMap<string, number> {
  const most = new Map<string, number>();
  for (const { deviceClassName, allocationMode, count = 1 } of alternatives) {
    const taken = allocationMode === "All" ? allocatedDevicesMax : count;
    most.set(deviceClassName, Math.max(Number(taken), most.get(deviceClassName) ?? 0));
  }
  return most;
}

const evaluators: ReadonlyMap<string, QuotaEvaluator> = new Map([
  ["pods", pods],
  ["persistentvolumeclaims", claims],
  ["services", services],
  ["resourceclaims.resource.k8s.io", deviceClaims],
]);

/** Whether the quota is about the object: it counts something of it, and the object is in all its scopes. */
export function isInQuota(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  return quotaScopes(quota).every((scope) => evaluator.inScope?.(object, scope) ?? false);
}

export function quotaScopes({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  return [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
}
