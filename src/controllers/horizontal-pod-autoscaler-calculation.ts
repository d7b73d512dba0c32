// How many replicas a metric asks for: pkg/controller/podautoscaler/replica_calculator.go. Values are thousandths.
import {
  isPodReady,
  isRestartableInitContainer,
  type Pod,
  podCondition,
  podRequests,
  quantityMilliValue,
} from "../api/index.ts";

/** What a metrics API says of one pod. */
export interface PodSample {
  readonly value: number;
  readonly atMs: number;
  /** How long the value was taken over, up to `atMs`. */
  readonly windowMs: number;
}
/** By the pod's name. */
export type PodSamples = ReadonlyMap<string, PodSample>;

/** How far from 1 the ratio of use to target may be before anything is done. */
export interface Tolerances {
  readonly scaleUp: number;
  readonly scaleDown: number;
}

export interface Proposal {
  readonly replicas: number;
  /** The average (or the whole, for targets that are not averages), in thousandths. */
  readonly value: number;
  /** In percent of what is requested. */
  readonly utilization?: number;
}

const replicasMax = 2 ** 31 - 1;
/** kube-controller-manager's --horizontal-pod-autoscaler-cpu-initialization-period. */
const initializationMs = 5 * 60_000;
/** kube-controller-manager's --horizontal-pod-autoscaler-initial-readiness-delay. */
const initialReadinessDelayMs = 30_000;

interface Use {
  /** To the target: above 1 there are too few pods. */
  readonly ratio: number;
  readonly value: number;
  readonly utilization?: number;
}

export interface PodMetric {
  readonly pods: readonly Pod[];
  readonly samples: PodSamples;
  /** cpu is not believed of pods that are just starting. */
  readonly resource?: string;
  readonly replicas: number;
  readonly tolerances: Tolerances;
  readonly nowMs: number;
}

/** From the average of the pods' values against a target value. Throws an Error that says what is missing. */
export function replicasForAverage(metric: PodMetric, target: number): Proposal {
  return replicasForPods(
    metric,
    (values) => {
      const value = Math.trunc(sum(values.values()) / values.size);
      return { ratio: value / target, value };
    },
    () => target,
  );
}

/** From the pods' use in percent of what they request. Throws an Error that says what is missing. */
export function replicasForUtilization(
  metric: PodMetric & { readonly resource: string },
  targetPercent: number,
  container?: string,
): Proposal {
  const { pods, resource } = metric;
  let requests: ReadonlyMap<string, number>;
  return replicasForPods(
    metric,
    (values) => {
      requests ??= new Map(pods.map((pod) => [pod.metadata.name, requestOf(pod, resource, container)]));
      const counted = [...values].filter(([name]) => requests.has(name));
      const requested = sum(counted.map(([name]) => requests.get(name) ?? 0));
      if (requested === 0) throw new Error("no metrics returned matched known pods");
      const used = sum(counted.map(([, value]) => value));
      const utilization = Math.trunc((used * 100) / requested);
      return { ratio: utilization / targetPercent, value: Math.trunc(used / counted.length), utilization };
    },
    (name) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, targetPercent)) / 100),
  );
}

/**
 * What both have in common. Pods that are not known or not believed are first left out; then, where the others say that
 * something should change, they are taken for what speaks against it.
 */
function replicasForPods(
  metric: PodMetric,
  useOf: (values: ReadonlyMap<string, number>) => Use,
  fallbackOf: (name: string) => number,
): Proposal {
  const { replicas, tolerances } = metric;
  if (metric.pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const { ready, unready, missing, ignored } = groupPods(metric);
  const values = new Map([...metric.samples].map(([name, { value }]) => [name, value]));
  for (const name of [...unready, ...ignored]) values.delete(name);
  if (values.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  const { ratio, ...measured } = useOf(values);
  const countsUnready = unready.length > 0 && ratio > 1;
  if (!countsUnready && missing.length === 0)
    return { ...measured, replicas: isWithin(tolerances, ratio) ? replicas : ceiling(ratio * ready) };
  if (ratio !== 1) for (const name of missing) values.set(name, ratio < 1 ? fallbackOf(name) : 0);
  if (countsUnready) for (const name of unready) values.set(name, 0);
  const { ratio: cautious } = useOf(values);
  const turned = (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1);
  if (isWithin(tolerances, cautious) || turned) return { ...measured, replicas };
  const proposed = ceiling(cautious * values.size);
  const goesOtherWay = (cautious < 1 && proposed > replicas) || (cautious > 1 && proposed < replicas);
  return { ...measured, replicas: goesOtherWay ? replicas : proposed };
}

/** From one value for all pods against a target for all of them. */
export function replicasForValue(
  usage: number,
  target: number,
  { pods, replicas, tolerances }: Pick<PodMetric, "pods" | "replicas" | "tolerances">,
): Proposal {
  const ratio = usage / target;
  // From none to some, or to none: readiness says nothing of that.
  if (replicas === 0) return { replicas: ceiling(ratio), value: usage };
  if (isWithin(tolerances, ratio)) return { replicas, value: usage };
  if (pods.length === 0)
    throw new Error("unable to calculate ready pods: no pods returned by selector while calculating replica count");
  const ready = pods.filter((pod) => pod.status.phase === "Running" && isPodReady(pod)).length;
  return { replicas: ceiling(ratio * ready), value: usage };
}

/** From one value for all pods against a target for each. `replicas` is how many there are by the target's status. */
export function replicasForSharedValue(
  usage: number,
  target: number,
  replicas: number,
  tolerances: Tolerances,
): Proposal {
  const proposed = isWithin(tolerances, usage / (target * replicas)) ? replicas : ceiling(usage / target);
  return { replicas: proposed, value: replicas === 0 ? 0 : ceiling(usage / replicas, Number.MAX_SAFE_INTEGER) };
}

function isWithin({ scaleUp, scaleDown }: Tolerances, ratio: number): boolean {
  return 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
}

function ceiling(amount: number, max = replicasMax): number {
  return Math.min(max, Math.ceil(amount));
}

function sum(amounts: Iterable<number>): number {
  let total = 0;
  for (const each of amounts) total += each;
  return total;
}

interface PodGroups {
  readonly ready: number;
  readonly unready: readonly string[];
  /** Of which no value is known. */
  readonly missing: readonly string[];
  /** That go or have failed. */
  readonly ignored: readonly string[];
}

function groupPods({ pods, samples, resource, nowMs }: PodMetric): PodGroups {
  let ready = 0;
  const unready: string[] = [];
  const missing: string[] = [];
  const ignored: string[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const sample = samples.get(name);
    if (deletionTimestamp !== undefined || pod.status.phase === "Failed") ignored.push(name);
    else if (pod.status.phase === "Pending") unready.push(name);
    else if (!sample) missing.push(name);
    else if (resource === "cpu" && !isBelieved(pod, sample, nowMs)) unready.push(name);
    else ready++;
  }
  return { ready, unready, missing, ignored };
}

/** Whether what a pod uses of the processor is what it needs to serve, and not what it took to start. */
function isBelieved({ status, ...pod }: Pod, { atMs, windowMs }: PodSample, nowMs: number): boolean {
  const condition = podCondition({ ...pod, status }, "Ready");
  if (!condition || status.startTime === undefined) return false;
  const startMs = Date.parse(status.startTime);
  const changedMs = Date.parse(condition.lastTransitionTime ?? status.startTime);
  const isUnready = condition.status === "False";
  if (startMs + initializationMs > nowMs) return !isUnready && atMs >= changedMs + windowMs;
  return !isUnready || startMs + initialReadinessDelayMs <= changedMs;
}

/** What the pod, or one of its containers, requests. Throws an Error where it requests nothing. */
function requestOf(pod: Pod, resource: string, container: string | undefined): number {
  const { name } = pod.metadata;
  const { containers, initContainers = [], resources } = pod.spec;
  if (container === undefined && Object.keys(resources?.requests ?? {}).length > 0) {
    const request = podRequests(pod).get(resource);
    if (!request) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
    return quantityMilliValue(request);
  }
  const running = [...containers, ...initContainers.filter(isRestartableInitContainer)];
  const counted = container === undefined ? running : running.filter((each) => each.name === container);
  if (counted.length === 0) throw new Error(`container ${container} not found in Pod ${name}`);
  return sum(
    counted.map((each) => {
      const request = each.resources?.requests?.[resource];
      if (request === undefined)
        throw new Error(`missing request for ${resource} in container ${each.name} of Pod ${name}`);
      return quantityMilliValue(request);
    }),
  );
}
