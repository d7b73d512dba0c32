import {
  type Container,
  compareQuantities,
  formatQuantity,
  type LimitRangeItem,
  LimitRanges,
  type ParsedQuantity,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  parseQuantity,
  podLimits,
  podRequests,
  quantitySign,
  type ResourceAmounts,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { aggregate } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

const annotation = "kubernetes.io/limit-ranger";

/** Fills in what the LimitRanges of a namespace give containers by default, and refuses what lies outside their limits. */
export function limitRanger(lookup: Lookup): AdmissionPlugin {
  const limitsOf = ({ namespace }: AdmissionRequest): (readonly LimitRangeItem[])[] =>
    lookup.list(LimitRanges, namespace).map(({ spec }) => spec.limits ?? []);
  return {
    name: "LimitRanger",
    resources: [Pods, PersistentVolumeClaims],
    admit(request) {
      const pod = written(request, Pods, "CREATE");
      if (pod) for (const limits of limitsOf(request)) setDefaults(pod, limits);
    },
    validate(request) {
      const pod = written(request, Pods, "CREATE") ?? resized(request);
      const claim = written(request, PersistentVolumeClaims, "CREATE", "UPDATE");
      if (!pod && !claim) return;
      for (const limits of limitsOf(request)) {
        const errors = pod ? podErrors(pod, limits) : claimErrors(claim?.spec.resources?.requests ?? {}, limits);
        if (errors.length > 0) throw refuse(request, aggregate(errors));
      }
    },
  };
}

/** The pod whose containers get other resources while it runs. */
function resized({ definition, subresource, object }: AdmissionRequest): Draft<Pod> | undefined {
  const isResize = definition.group === "" && definition.plural === Pods.plural && subresource === "resize";
  return isResize ? (object as Draft<Pod> | undefined) : undefined; // the body of the subresource is a pod
}

function setDefaults(pod: Draft<Pod>, limits: readonly LimitRangeItem[]): void {
  const ofContainers = limits.filter(({ type }) => type === "Container");
  const requests = Object.assign({}, ...ofContainers.map(({ defaultRequest }) => defaultRequest));
  const maximums = Object.assign({}, ...ofContainers.map((each) => each.default));
  const notes = [
    ...pod.spec.containers.flatMap((each) => setContainerDefaults(each, "container", requests, maximums)),
    ...(pod.spec.initContainers ?? []).flatMap((each) =>
      setContainerDefaults(each, "init container", requests, maximums),
    ),
  ];
  if (notes.length === 0) return;
  const note = `LimitRanger plugin set: ${notes.join("; ")}`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: note };
}

/** Gives notes about what it set. */
function setContainerDefaults(
  container: Draft<Container>,
  kind: string,
  requests: Readonly<Record<string, string>>,
  limits: Readonly<Record<string, string>>,
): string[] {
  const own = container.resources ?? {};
  const missing = (defaults: object, given: object | undefined) =>
    Object.keys(defaults)
      .filter((name) => !(name in (given ?? {})))
      .sort();
  const missingRequests = missing(requests, own.requests);
  const missingLimits = missing(limits, own.limits);
  if (missingRequests.length > 0) own.requests = { ...requests, ...own.requests };
  if (missingLimits.length > 0) own.limits = { ...limits, ...own.limits };
  if (missingRequests.length > 0 || missingLimits.length > 0) container.resources = own;
  return [
    ...(missingRequests.length === 0 ? [] : [`${missingRequests.join(", ")} request for ${kind} ${container.name}`]),
    ...(missingLimits.length === 0 ? [] : [`${missingLimits.join(", ")} limit for ${kind} ${container.name}`]),
  ];
}

function podErrors(pod: Pod, limits: readonly LimitRangeItem[]): string[] {
  // The overhead of a runtime class is nobody's wish and does not count.
  const { overhead: _, ...spec } = pod.spec;
  const bare = { ...pod, spec };
  return limits.flatMap((limit) => {
    if (limit.type === "Pod") return boundErrors(limit, podRequests(bare), podLimits(bare));
    if (limit.type !== "Container") return [];
    return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
      boundErrors(limit, amounts(resources?.requests), amounts(resources?.limits)),
    );
  });
}

function boundErrors(limit: LimitRangeItem, requests: ResourceAmounts, limits: ResourceAmounts): string[] {
  const { type } = limit;
  return [
    ...each(limit.min, (name, min) => belowMin(type, name, min, requests.get(name), limits.get(name))),
    ...each(limit.max, (name, max) => aboveMax(type, name, max, requests.get(name), limits.get(name))),
    ...each(limit.maxLimitRequestRatio, (name, ratio) =>
      aboveRatio(type, name, ratio, requests.get(name), limits.get(name)),
    ),
  ];
}

/** Claims are measured by what they request: they have no limits. */
function claimErrors(requested: Readonly<Record<string, string>>, limits: readonly LimitRangeItem[]): string[] {
  const requests = amounts(requested);
  return limits.flatMap(({ type, min, max }) => {
    if (type !== "PersistentVolumeClaim") return [];
    return [
      ...each(min, (name, bound) => belowMin(type, name, bound, requests.get(name), undefined)),
      ...each(max, (name, bound) => {
        const request = requests.get(name);
        const start = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
        if (!request) return `${start}.  No request is specified`;
        if (compareQuantities(request, bound) > 0) return `${start}, but request is ${formatQuantity(request)}`;
        return undefined;
      }),
    ];
  });
}

type Amount = ParsedQuantity | undefined;

function belowMin(type: string, name: string, min: ParsedQuantity, request: Amount, limit: Amount): string | undefined {
  const start = `minimum ${name} usage per ${type} is ${formatQuantity(min)}`;
  if (!request) return `${start}.  No request is specified`;
  if (compareQuantities(request, min) < 0) return `${start}, but request is ${formatQuantity(request)}`;
  if (limit && compareQuantities(limit, min) < 0) return `${start}, but limit is ${formatQuantity(limit)}`;
  return undefined;
}

function aboveMax(type: string, name: string, max: ParsedQuantity, request: Amount, limit: Amount): string | undefined {
  const start = `maximum ${name} usage per ${type} is ${formatQuantity(max)}`;
  if (!limit) return `${start}.  No limit is specified`;
  if (compareQuantities(limit, max) > 0) return `${start}, but limit is ${formatQuantity(limit)}`;
  if (request && compareQuantities(request, max) > 0) return `${start}, but request is ${formatQuantity(request)}`;
  return undefined;
}

function aboveRatio(
  type: string,
  name: string,
  ratio: ParsedQuantity,
  request: Amount,
  limit: Amount,
): string | undefined {
  const start = `${name} max limit to request ratio per ${type} is ${formatQuantity(ratio)}`;
  if (!request || quantitySign(request) === 0) return `${start}, but no request is specified or request is 0`;
  if (!limit || quantitySign(limit) === 0) return `${start}, but no limit is specified or limit is 0`;
  // limit / request > ratio, without leaving whole numbers.
  const product = { ...request, mantissa: request.mantissa * ratio.mantissa, scale: request.scale + ratio.scale };
  if (compareQuantities(limit, product) <= 0) return undefined;
  return `${start}, but provided ratio is ${quotient(limit, request).toFixed(6)}`;
}

const quotient = (a: ParsedQuantity, b: ParsedQuantity): number =>
  (Number(a.mantissa) / Number(b.mantissa)) * 10 ** (a.scale - b.scale);

function amounts(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

/** What `check` says about the bounds, in the order of their names. */
function each(
  bounds: Readonly<Record<string, string>> | undefined,
  check: (name: string, bound: ParsedQuantity) => string | undefined,
): string[] {
  return Object.entries(bounds ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, text]) => check(name, parseQuantity(text)) ?? []);
}
