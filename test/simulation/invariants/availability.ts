// What was promised is there, as far as it is the controllers' doing: each pod that goes is judged by who deleted it.
import {
  controllerOf,
  type DaemonSet,
  type Deployment,
  type Node,
  type Pod,
  type ReplicaSet,
  type StatefulSet,
  scaledIntOrPercent,
} from "roder";
import { controller } from "./asked.ts";
import { type Departure, isControlledBy, isReadyFor, type Readiness, readyTimes } from "./readiness.ts";
import { daemonNodeOf, type Invariant, isAvailable, ordinalOf, type State, type Write } from "./state.ts";

export class Availability implements Invariant {
  readonly #state: State;
  readonly #readiness: Readiness;
  /**
   * The uids of Deployments that were made smaller and have not come to that yet. Their ReplicaSets shrink in proportion,
   * whatever of them is available: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
   */
  readonly #shrinking = new Set<string>();

  /** By name, when nodes were last known not to take new pods. */
  readonly #taintedMs = new Map<string, number>();

  constructor(state: State, readiness: Readiness) {
    this.#state = state;
    this.#readiness = readiness;
  }

  *problems({ kind, before, now, departure, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "deployments" && now) this.#noteSize(before as Deployment | undefined, now as Deployment);
    if (kind === "nodes")
      for (const node of [before, now])
        if (node && isTainted(node as Node)) this.#taintedMs.set(node.metadata.name, atMs);
    if (!departure || departure.readySinceMs === undefined) return;
    const { by } = departure;
    if (by === controller("replicaset-controller")) yield* this.#ofDeployment(departure);
    if (by === controller("statefulset-controller")) yield* this.#ofStatefulSet(departure);
    if (by === controller("daemon-set-controller")) yield* this.#ofDaemonSet(departure);
  }

  *#ofDeployment(gone: Departure): Iterable<string> {
    const deploymentOf = (pod: Pod) => {
      const set = this.#state.find<ReplicaSet>("replicasets", controllerOf(pod)?.uid);
      return set && controllerOf(set)?.uid;
    };
    const uid = deploymentOf(gone.pod);
    const deployment = this.#state.find<Deployment>("deployments", uid);
    if (!deployment || uid === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
    const specs = this.#state.lateSpecs(deployment, gone.atMs);
    const { shortMs, longMs } = readyTimes(specs);
    if (this.#shrinking.has(uid) || !this.#readiness.isKnown(gone, longMs)) return;
    const promised = Math.min(...specs.map(availablePromised));
    const sets = this.#state.controlledBy<ReplicaSet>(uid, "replicasets");
    const pods = sets.flatMap(({ metadata }) => this.#state.controlledBy<Pod>(metadata.uid, "pods"));
    const isOne = (pod: Pod) => deploymentOf(pod) === uid;
    // A ReplicaSet that loses those that are not available yet takes any that are ready: a node's second one first.
    const beside = this.#state.controlledBy<Pod>(controllerOf(gone.pod)?.uid ?? "", "pods");
    if (beside.some((pod) => isAvailable(pod) && !isReadyFor(pod, longMs, gone.atMs - this.#state.lateMs))) return;
    const { length } = this.#readiness.serving(pods, gone, { isOne, readyMs: () => shortMs });
    const { name } = deployment.metadata;
    if (length < promised) yield `Deployment ${name} has ${length} available pods where ${promised} are promised`;
  }

  *#ofStatefulSet(gone: Departure): Iterable<string> {
    const set = this.#state.find<StatefulSet>("statefulsets", controllerOf(gone.pod)?.uid);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const { uid, name } = set.metadata;
    const late = this.#state.lateSpecs(set, gone.atMs);
    const { shortMs, longMs } = readyTimes(late);
    if (!this.#readiness.isKnown(gone, longMs)) return;
    const specs = late.map(({ spec }) => spec);
    const replicas = Math.min(...specs.map((spec) => spec.replicas ?? 1));
    // What is not wanted any more may go.
    if (ordinalOf(gone.pod) >= replicas) return;
    const isOne = (pod: Pod) => isControlledBy(uid)(pod) && ordinalOf(pod) < replicas;
    const pods = this.#state.controlledBy<Pod>(uid, "pods");
    const serving = this.#readiness.serving(pods, gone, { isOne, readyMs: () => shortMs });
    const down = replicas - new Set(serving.map(ordinalOf)).size;
    const allowed = specs.map((spec) =>
      // At least one, or a small percentage would never roll.
      Math.max(1, scaledIntOrPercent(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, replicas, "down")),
    );
    const most = Math.max(...allowed);
    if (down > most) yield `StatefulSet ${name} misses ${down} pods where ${most} may be unavailable`;
  }

  *#ofDaemonSet(gone: Departure): Iterable<string> {
    const set = this.#state.find<DaemonSet>("daemonsets", controllerOf(gone.pod)?.uid);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const { atMs } = gone;
    const { uid, name } = set.metadata;
    const specs = this.#state.lateSpecs(set, atMs);
    const { shortMs, longMs } = readyTimes(specs);
    if (!this.#readiness.isKnown(gone, longMs)) return;
    const pods = this.#state.controlledBy<Pod>(uid, "pods");
    const serving = this.#readiness.serving(pods, gone, { isOne: isControlledBy(uid), readyMs: () => shortMs });
    const served = new Set(serving.map(daemonNodeOf));
    if (served.has(daemonNodeOf(gone.pod))) return;
    const isWanted = ({ metadata }: Node) => atMs - (this.#taintedMs.get(metadata.name) ?? 0) > this.#state.keptMs;
    const nodes = this.#state.list<Node>("nodes");
    const isFrom = ({ metadata }: Node) => metadata.name === daemonNodeOf(gone.pod);
    if (nodes.some((node) => isFrom(node) && (isTainted(node) || !isWanted(node)))) return;
    const wanted = nodes.filter((node) => !isTainted(node) && isWanted(node));
    const allowed = specs.map(({ spec }) => {
      const { maxSurge = 0, maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
      // A part of all, or of those that take pods: who counts may have seen one or the other.
      const most = scaledIntOrPercent(maxUnavailable, nodes.length, "up");
      // Where both come to nothing one may be missing, or no rollout could ever go on.
      return scaledIntOrPercent(maxSurge, wanted.length, "up") === 0 ? Math.max(1, most) : most;
    });
    const down = wanted.filter(({ metadata }) => !served.has(metadata.name)).length;
    const most = Math.max(...allowed);
    if (down > most) yield `DaemonSet ${name} misses ${down} pods where ${most} may be unavailable`;
  }

  #noteSize(before: Deployment | undefined, now: Deployment): void {
    const { uid, generation } = now.metadata;
    const { replicas = 1 } = now.spec;
    const { observedGeneration, updatedReplicas, availableReplicas, replicas: pods } = now.status;
    if (replicas < (before?.spec.replicas ?? 0)) this.#shrinking.add(uid);
    else if (
      observedGeneration === generation &&
      [updatedReplicas, availableReplicas, pods].every((n) => n === replicas)
    )
      this.#shrinking.delete(uid);
  }
}

function availablePromised({ spec: { replicas = 1, strategy } }: Deployment): number {
  // Recreate promises nothing.
  if (strategy?.type === "Recreate") return 0;
  const { maxSurge = 0, maxUnavailable = 0 } = strategy?.rollingUpdate ?? {};
  const missing = scaledIntOrPercent(maxUnavailable, replicas, "down");
  // Where both come to nothing one may be missing, or no rollout could ever go on.
  const isStuck = missing === 0 && scaledIntOrPercent(maxSurge, replicas, "up") === 0;
  return replicas - (isStuck ? 1 : missing);
}

/** A node that does not answer gets no new pods, those of DaemonSets neither. */
const isTainted = ({ spec }: Node) => spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule") ?? false;
