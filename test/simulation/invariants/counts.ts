// Nobody makes more than one of the specifications allows that it may act on.
import {
  controllerOf,
  type DaemonSet,
  type Deployment,
  type HorizontalPodAutoscaler,
  type Job,
  type Pod,
  type ReplicaSet,
  type ResourceQuota,
  type StatefulSet,
  scaledIntOrPercent,
} from "roder";
import { controller } from "./asked.ts";
import { ordinalOf } from "./claims.ts";
import { daemonNodeOf, isTerminal, isUp, type State, type Write } from "./state.ts";

export function* countProblems({ kind, before, now, by, atMs }: Write, state: State): Iterable<string> {
  // The kind says what they are.
  if (kind === "pods" && now && !before) {
    yield* quota(now as Pod, state);
    yield* pods(now as Pod, state, atMs);
  }
  if (kind === "replicasets" && now) yield* surge(before as ReplicaSet | undefined, now as ReplicaSet, state);
  if (kind === "deployments" && before && now && by === controller("horizontal-pod-autoscaler")) {
    yield* autoscaled(before as Deployment, now as Deployment, state, atMs);
  }
}

function* pods(pod: Pod, state: State, atMs: number): Iterable<string> {
  const owner = controllerOf(pod);
  if (!owner) return;
  const { name, uid } = owner;
  const up = state.controlledBy<Pod>(uid, "pods").filter(isUp);
  const overlooked = state.overlookedOf(uid, atMs);
  const more = (limit: number) =>
    up.length > limit + overlooked ? [`${owner.kind} ${name} has ${up.length} pods of ${limit}`] : [];
  const doubled = (of: (pod: Pod) => string | undefined) => {
    const places = up.map(of).filter((place) => place !== undefined);
    const surplus = places.filter((place, at) => places.indexOf(place) !== at);
    return surplus.length > overlooked ? [`${name} has two pods for ${surplus.join(", ")}`] : [];
  };
  const set = state.find<ReplicaSet>("replicasets", uid);
  if (set) yield* more(Math.max(...state.specs(set).map(({ spec }) => spec.replicas ?? 1)));
  const stateful = state.find<StatefulSet>("statefulsets", uid);
  if (stateful) {
    // One that is missing below is made before those above are removed, as upstream: what counts are the ordinals.
    const end = Math.max(
      ...state.specs(stateful).map(({ spec }) => (spec.ordinals?.start ?? 0) + (spec.replicas ?? 1)),
    );
    if (ordinalOf(pod.metadata.name) >= end)
      yield `${owner.kind} ${name} makes ${pod.metadata.name} where ${end} end it`;
  }
  const job = state.find<Job>("jobs", uid);
  if (job) {
    yield* more(Math.max(...state.lateSpecs(job, atMs).map(({ spec }) => spec.parallelism ?? 1)));
    yield* doubled(({ metadata }) => metadata.annotations?.["batch.kubernetes.io/job-completion-index"]);
  }
  const daemons = state.find<DaemonSet>("daemonsets", uid);
  if (daemons) {
    // While a surge is allowed a new pod starts beside the old one.
    const surges = state.specs(daemons).some(({ spec }) => isSome(spec.updateStrategy?.rollingUpdate?.maxSurge));
    yield* doubled((each) => `${daemonNodeOf(each)} ${surges ? revisionOf(each) : ""}`);
  }
}

const isSome = (amount: number | string = 0) => Number.parseInt(String(amount), 10) > 0;
const revisionOf = ({ metadata }: Pod) => metadata.labels?.["controller-revision-hash"] ?? "";

function* surge(before: ReplicaSet | undefined, now: ReplicaSet, state: State): Iterable<string> {
  if ((now.spec.replicas ?? 1) <= (before ? (before.spec.replicas ?? 1) : 0)) return;
  const deployment = state.find<Deployment>("deployments", controllerOf(now)?.uid);
  if (!deployment) return;
  const limits = state.specs(deployment).map(({ spec: { replicas = 1, strategy } }) => {
    return replicas + scaledIntOrPercent(strategy?.rollingUpdate?.maxSurge ?? 0, replicas, "up");
  });
  const limit = Math.max(...limits);
  const sets = state.controlledBy<ReplicaSet>(deployment.metadata.uid, "replicasets");
  const sum = sets.reduce((total, { spec }) => total + (spec.replicas ?? 1), 0);
  if (sum > limit) yield `Deployment ${deployment.metadata.name} wants ${sum} pods where ${limit} are allowed`;
}

/** An autoscaler keeps to its bounds, whatever it measures. */
function* autoscaled(before: Deployment, now: Deployment, state: State, atMs: number): Iterable<string> {
  const { replicas = 1 } = now.spec;
  const { name } = now.metadata;
  if (replicas === before.spec.replicas) return;
  const autoscalers = state
    .list<HorizontalPodAutoscaler>("horizontalpodautoscalers")
    .filter(({ spec }) => spec.scaleTargetRef.name === name);
  for (const autoscaler of autoscalers) {
    const specs = state.lateSpecs(autoscaler, atMs);
    const least = Math.min(...specs.map(({ spec }) => spec.minReplicas ?? 1));
    const most = Math.max(...specs.map(({ spec }) => spec.maxReplicas));
    if (replicas < least || replicas > most) yield `${name} is scaled to ${replicas}, outside of ${least} to ${most}`;
  }
}

function* quota(pod: Pod, state: State): Iterable<string> {
  const { namespace, creationTimestamp } = pod.metadata;
  const nowMs = Date.parse(creationTimestamp);
  for (const { metadata, spec } of state.list<ResourceQuota>("resourcequotas")) {
    if (metadata.namespace !== namespace) continue;
    const hard = Number(spec?.hard?.pods ?? Number.POSITIVE_INFINITY);
    const used = state
      .list<Pod>("pods")
      .filter((each) => each.metadata.namespace === namespace && counts(each, nowMs)).length;
    if (used > hard) yield `${used} pods where the quota ${metadata.name} allows ${hard}`;
  }
}

/** One that has outlived its grace is on a node of which nobody knows: it is not counted. */
function counts(pod: Pod, nowMs: number): boolean {
  return !isTerminal(pod) && Date.parse(pod.metadata.deletionTimestamp ?? "9999") > nowMs;
}
