// What was promised is there, as far as it is the controllers' doing: each pod that goes is judged by who deleted it. What
// was lost lately in another way, with its node for example, counts as if it were there: who deleted the next one may not
// have known.
import {
  controllerOf,
  type DaemonSet,
  type Deployment,
  matchesLabelSelector,
  type Node,
  type Pod,
  type PodDisruptionBudget,
  type ReplicaSet,
  type StatefulSet,
  scaledIntOrPercent,
} from "roder";
import { controller } from "./asked.ts";
import { daemonNodeOf, type Invariant, isAvailable, type State, type Write } from "./state.ts";

interface Lost {
  readonly pod: Pod;
  readonly by: string | undefined;
  readonly atMs: number;
}

const evictions = "evictions";

export class Availability implements Invariant {
  readonly #state: State;
  /** By uid, since when they have been available. */
  readonly #sinceMs = new Map<string, number>();
  /** By uid, what is not available any more; those that were lost last are the last. */
  readonly #lost = new Map<string, Lost>();
  /**
   * The uids of Deployments that were made smaller and have not come to that yet. Their ReplicaSets shrink in proportion,
   * whatever of them is available: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
   */
  readonly #shrinking = new Set<string>();

  /** By name, when nodes were last known not to take new pods. */
  readonly #taintedMs = new Map<string, number>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, subresource, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "deployments" && now) this.#noteSize(before as Deployment | undefined, now as Deployment);
    if (kind === "nodes")
      for (const node of [before, now])
        if (node && isTainted(node as Node)) this.#taintedMs.set(node.metadata.name, atMs);
    if (kind !== "pods") return;
    const [old, pod] = [before as Pod | undefined, now as Pod | undefined];
    const uid = (pod ?? old)?.metadata.uid ?? "";
    if (pod && isAvailable(pod)) {
      this.#lost.delete(uid);
      this.#sinceMs.getOrInsert(uid, atMs);
    } else if (old && isAvailable(old)) {
      const sinceMs = this.#sinceMs.get(uid) ?? atMs;
      this.#sinceMs.delete(uid);
      const who = subresource === "eviction" ? evictions : by;
      this.#forget(atMs);
      this.#lost.set(uid, { pod: old, by: who, atMs });
      const isDeleted = pod?.metadata.deletionTimestamp !== undefined || pod === undefined;
      if (isDeleted) yield* this.#judge(old, who, atMs, sinceMs);
    }
  }

  #forget(atMs: number): void {
    for (const [uid, lost] of this.#lost) {
      if (atMs - lost.atMs <= this.#state.keptMs) break;
      this.#lost.delete(uid);
    }
  }

  *#judge(gone: Pod, by: string | undefined, atMs: number, sinceMs: number): Iterable<string> {
    if (by === evictions) yield* this.#ofBudgets(gone, by);
    // What has just become available may not have been known to be.
    if (atMs - sinceMs < this.#state.lateMs) return;
    if (by === controller("replicaset-controller")) yield* this.#ofDeployment(gone, by, atMs);
    if (by === controller("statefulset-controller")) yield* this.#ofStatefulSet(gone, by, atMs);
    if (by === controller("daemon-set-controller")) yield* this.#ofDaemonSet(gone, by, atMs);
  }

  /** Those that are available, and those that somebody else than `by` has lost lately. */
  #serving(pods: readonly Pod[], by: string, isOne: (pod: Pod) => boolean): readonly Pod[] {
    const lost = [...this.#lost.values()].filter((each) => each.by !== by).map(({ pod }) => pod);
    return [...pods.filter(isAvailable), ...lost].filter(isOne);
  }

  *#ofDeployment(gone: Pod, by: string, atMs: number): Iterable<string> {
    const deploymentOf = (pod: Pod) => {
      const set = this.#state.find<ReplicaSet>("replicasets", controllerOf(pod)?.uid);
      return set && controllerOf(set)?.uid;
    };
    const uid = deploymentOf(gone);
    const deployment = this.#state.find<Deployment>("deployments", uid);
    if (!deployment || uid === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
    if (this.#shrinking.has(uid)) return;
    const promised = Math.min(...this.#state.lateSpecs(deployment, atMs).map(availablePromised));
    const sets = this.#state.controlledBy<ReplicaSet>(uid, "replicasets");
    const pods = sets.flatMap(({ metadata }) => this.#state.controlledBy<Pod>(metadata.uid, "pods"));
    const { length } = this.#serving(pods, by, (pod) => deploymentOf(pod) === uid);
    const { name } = deployment.metadata;
    if (length < promised) yield `Deployment ${name} has ${length} available pods where ${promised} are promised`;
  }

  *#ofStatefulSet(gone: Pod, by: string, atMs: number): Iterable<string> {
    const set = this.#state.find<StatefulSet>("statefulsets", controllerOf(gone)?.uid);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const { uid, name } = set.metadata;
    const specs = this.#state.lateSpecs(set, atMs).map(({ spec }) => spec);
    const replicas = Math.min(...specs.map((spec) => spec.replicas ?? 1));
    // What is not wanted any more may go.
    if (ordinalOf(gone) >= replicas) return;
    const isOne = (pod: Pod) => controllerOf(pod)?.uid === uid && ordinalOf(pod) < replicas;
    const serving = this.#serving(this.#state.controlledBy(uid, "pods"), by, isOne);
    const down = replicas - new Set(serving.map(ordinalOf)).size;
    const allowed = specs.map((spec) =>
      // At least one, or a small percentage would never roll.
      Math.max(1, scaledIntOrPercent(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, replicas, "down")),
    );
    const most = Math.max(...allowed);
    if (down > most) yield `StatefulSet ${name} misses ${down} pods where ${most} may be unavailable`;
  }

  *#ofDaemonSet(gone: Pod, by: string, atMs: number): Iterable<string> {
    const set = this.#state.find<DaemonSet>("daemonsets", controllerOf(gone)?.uid);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const { uid, name } = set.metadata;
    const pods = this.#state.controlledBy<Pod>(uid, "pods");
    const serving = this.#serving(pods, by, (pod) => controllerOf(pod)?.uid === uid).map(daemonNodeOf);
    const nodes = new Set(serving);
    if (nodes.has(daemonNodeOf(gone))) return;
    const isWanted = ({ metadata }: Node) => atMs - (this.#taintedMs.get(metadata.name) ?? 0) > this.#state.keptMs;
    const wanted = this.#state.list<Node>("nodes").filter((node) => !isTainted(node) && isWanted(node));
    const allowed = this.#state.lateSpecs(set, atMs).map(({ spec }) => {
      const { maxSurge = 0, maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
      const most = scaledIntOrPercent(maxUnavailable, wanted.length, "up");
      // Where both come to nothing one may be missing, or no rollout could ever go on.
      return scaledIntOrPercent(maxSurge, wanted.length, "up") === 0 ? Math.max(1, most) : most;
    });
    const down = wanted.filter(({ metadata }) => !nodes.has(metadata.name)).length;
    const most = Math.max(...allowed);
    if (down > most) yield `DaemonSet ${name} misses ${down} pods where ${most} may be unavailable`;
  }

  *#ofBudgets(gone: Pod, by: string): Iterable<string> {
    const { namespace } = gone.metadata;
    for (const { metadata, spec } of this.#state.list<PodDisruptionBudget>("poddisruptionbudgets")) {
      const isOne = (pod: Pod) =>
        pod.metadata.namespace === namespace && matchesLabelSelector(spec.selector, pod.metadata.labels);
      // What a part of the pods comes to depends on how many there should be, which changes while evictions are allowed.
      if (metadata.namespace !== namespace || typeof spec.minAvailable !== "number" || !isOne(gone)) continue;
      const { length } = this.#serving(this.#state.list("pods"), by, isOne);
      if (length < spec.minAvailable)
        yield `an eviction leaves ${length} pods where the budget ${metadata.name} keeps ${spec.minAvailable}`;
    }
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
const isTainted = ({ spec }: Node) => spec?.taints?.some(({ effect }) => effect === "NoSchedule") ?? false;
const ordinalOf = ({ metadata }: Pod) => Number(metadata.name.slice(metadata.name.lastIndexOf("-") + 1));
