// What must hold after every single write, whatever goes wrong. What a controller did is measured by every specification
// that it may have acted on: those since the one that it says it has observed.
import {
  controllerOf,
  type DaemonSet,
  type Deployment,
  isPodReady,
  type Job,
  type KubeObject,
  type Pod,
  type ReplicaSet,
  type ResourceQuota,
  type StatefulSet,
  scaledIntOrPercent,
} from "roder";

import type { Change } from "../../src/storage/index.ts";

/** Every specification of one object that its controller may still act on. */
class Specifications<T extends KubeObject & { readonly spec: object }> {
  #all: T[] = [];

  add(object: T, observedGeneration = 0): void {
    const { generation = 0 } = object.metadata;
    if (this.#all.at(-1)?.metadata.generation !== generation) this.#all.push(object);
    this.#all = this.#all.filter((each) => (each.metadata.generation ?? 0) >= Math.min(observedGeneration, generation));
  }

  max(of: (object: T) => number): number {
    return Math.max(...this.#all.map(of));
  }

  min(of: (object: T) => number): number {
    return Math.min(...this.#all.map(of));
  }
}

interface Known {
  readonly kind: string;
  readonly key: string;
  readonly specs: Specifications<Workload>;
}

type Workload = (Deployment | ReplicaSet | StatefulSet | DaemonSet | Job) & { readonly spec: object };

export class Invariants {
  /** What did not hold, each once. */
  readonly broken = new Set<string>();
  onBroken: (what: string) => void = () => {};
  /** Whether pods stop being available only when a controller wants it, and controllers see everything at once. */
  #isSteady: boolean;
  /**
   * The uids of Deployments that were made smaller and have not come to that yet. Their ReplicaSets shrink in proportion,
   * whatever of them is available: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
   */
  readonly #shrinking = new Set<string>();
  /** The uids of pods that no controller deletes. */
  readonly #going = new Set<string>();
  readonly #objects = new Map<string, KubeObject>();
  readonly #byUid = new Map<string, Known>();
  /** Keys of what an object controls. */
  readonly #controlled = new Map<string, Set<string>>();

  constructor(isSteady: boolean) {
    this.#isSteady = isSteady;
  }

  /** A pod goes because somebody wants it, whatever was promised. */
  willGo(uid: string): void {
    this.#going.add(uid);
  }

  /** Everything goes now. */
  promisesEnd(): void {
    this.#isSteady = false;
  }

  /** To be told of every commit. */
  readonly observe = (changes: readonly Change[]): void => {
    for (const { key, value } of changes) {
      const kind = kindOf(key);
      if (kind === undefined) continue;
      const before = this.#objects.get(key);
      const now = value?.object;
      if (now) this.#keep(kind, key, now);
      else this.#forget(key, before);
      this.#check(kind, before, now);
    }
  };

  #keep(kind: string, key: string, object: KubeObject): void {
    if (kind === "deployments") this.#noteSize(this.#objects.get(key) as Deployment | undefined, object as Deployment);
    this.#objects.set(key, object);
    const owner = controllerOf(object)?.uid;
    if (owner !== undefined) this.#controlled.getOrInsertComputed(owner, () => new Set()).add(key);
    if (!workloadKinds.has(kind)) return;
    // The key says the kind.
    const workload = object as Workload;
    const { uid } = object.metadata;
    const known = this.#byUid.getOrInsertComputed(uid, () => ({ kind, key, specs: new Specifications<Workload>() }));
    // A Job says nowhere what it has observed; what of it matters never changes here.
    const { observedGeneration } = (workload.status ?? {}) as { observedGeneration?: number };
    known.specs.add(workload, observedGeneration);
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

  #forget(key: string, object: KubeObject | undefined): void {
    this.#objects.delete(key);
    if (!object) return;
    const owner = controllerOf(object)?.uid;
    if (owner !== undefined) this.#controlled.get(owner)?.delete(key);
    this.#byUid.delete(object.metadata.uid);
    this.#controlled.delete(object.metadata.uid);
  }

  #check(kind: string, before: KubeObject | undefined, now: KubeObject | undefined): void {
    // Keys say the kinds.
    if (kind === "pods") this.#checkPod(before as Pod | undefined, now as Pod | undefined);
    if (kind === "replicasets" && now) this.#checkSurge(before as ReplicaSet | undefined, now as ReplicaSet);
    if (kind === "jobs" && now) this.#checkJob(before as Job | undefined, now as Job);
  }

  #checkPod(before: Pod | undefined, now: Pod | undefined): void {
    if (!before && now) {
      this.#checkQuota(now);
      this.#checkCount(now);
    }
    const isGoing = now === undefined || now.metadata.deletionTimestamp !== undefined;
    if (this.#isSteady && before && isGoing && isUp(before) && isPodReady(before)) this.#checkAvailability(before);
  }

  /** Nobody makes more pods than one of the specifications allows that it may act on. */
  #checkCount(pod: Pod): void {
    const owner = controllerOf(pod);
    const known = owner && this.#byUid.get(owner.uid);
    if (!owner || !known) return;
    const pods = this.#podsOf(owner.uid).filter(isUp);
    const { specs } = known;
    const tell = (limit: number, what = "pods") => {
      if (pods.length > limit) this.#break(`${owner.kind} ${owner.name} has ${pods.length} ${what} of ${limit}`);
    };
    // The kind of a workload says what its specification has.
    if (known.kind === "replicasets" || known.kind === "statefulsets") {
      tell(specs.max(({ spec }) => (spec as ReplicaSet["spec"]).replicas ?? 1));
    }
    if (known.kind === "jobs") {
      tell(specs.max(({ spec }) => (spec as Job["spec"]).parallelism ?? 1));
      this.#checkDistinct(pods, owner.name, (each) => each.metadata.annotations?.[indexAnnotation]);
    }
    if (known.kind === "daemonsets") this.#checkDistinct(pods, owner.name, daemonNodeOf);
  }

  #checkDistinct(pods: readonly Pod[], owner: string, of: (pod: Pod) => string | undefined): void {
    const seen = new Set<string>();
    for (const pod of pods) {
      const what = of(pod);
      if (what === undefined) continue;
      if (seen.has(what)) this.#break(`${owner} has two pods for ${what}`);
      seen.add(what);
    }
  }

  #checkSurge(before: ReplicaSet | undefined, now: ReplicaSet): void {
    if ((now.spec.replicas ?? 1) <= (before ? (before.spec.replicas ?? 1) : 0)) return;
    const owner = controllerOf(now);
    const known = owner && this.#byUid.get(owner.uid);
    if (!owner || known?.kind !== "deployments") return;
    const limit = known.specs.max((each) => {
      const { replicas = 1, strategy } = (each as Deployment).spec;
      return replicas + scaledIntOrPercent(strategy?.rollingUpdate?.maxSurge ?? 0, replicas, "up");
    });
    let sum = 0;
    for (const key of this.#controlled.get(owner.uid) ?? []) {
      sum += (this.#objects.get(key) as ReplicaSet).spec.replicas ?? 1;
    }
    if (sum > limit) this.#break(`Deployment ${owner.name} wants ${sum} pods where ${limit} are allowed`);
  }

  #checkAvailability(gone: Pod): void {
    if (this.#going.has(gone.metadata.uid)) return;
    const set = controllerOf(gone);
    const setObject = set && this.#objectOf(set.uid);
    const owner = setObject && controllerOf(setObject);
    const known = owner && this.#byUid.get(owner.uid);
    const deployment = owner && this.#objectOf(owner.uid);
    if (!owner || known?.kind !== "deployments" || deployment?.metadata.deletionTimestamp !== undefined) return;
    if (this.#shrinking.has(owner.uid)) return;
    const promised = known.specs.min((each) => {
      const { replicas = 1, strategy } = (each as Deployment).spec;
      // Recreate promises nothing.
      if (strategy?.type === "Recreate") return 0;
      const { maxSurge = 0, maxUnavailable = 0 } = strategy?.rollingUpdate ?? {};
      const missing = scaledIntOrPercent(maxUnavailable, replicas, "down");
      // Where both come to nothing one may be missing, or no rollout could ever go on.
      const isStuck = missing === 0 && scaledIntOrPercent(maxSurge, replicas, "up") === 0;
      return replicas - (isStuck ? 1 : missing);
    });
    const available = [...(this.#controlled.get(owner.uid) ?? [])]
      .flatMap((key) => this.#podsOf(this.#objects.get(key)?.metadata.uid ?? ""))
      .filter((pod) => isUp(pod) && isPodReady(pod)).length;
    // This one is counted no more; before it went the promise held.
    if (available === promised - 1) {
      this.#break(`Deployment ${owner.name} has ${available} available pods where ${promised} are promised`);
    }
  }

  #checkJob(before: Job | undefined, now: Job): void {
    const { name } = now.metadata;
    const succeeded = now.status.succeeded ?? 0;
    const { completions } = now.spec;
    if (completions !== undefined && succeeded > completions)
      this.#break(`Job ${name} succeeded ${succeeded} times of ${completions}`);
    if (succeeded < (before?.status.succeeded ?? 0)) this.#break(`Job ${name} has forgotten a success`);
  }

  #checkQuota(pod: Pod): void {
    const { namespace } = pod.metadata;
    const nowMs = Date.parse(pod.metadata.creationTimestamp);
    for (const [key, object] of this.#objects) {
      if (kindOf(key) !== "resourcequotas" || object.metadata.namespace !== namespace) continue;
      // The key says the kind.
      const hard = Number((object as ResourceQuota).spec.hard?.pods ?? Number.POSITIVE_INFINITY);
      let count = 0;
      for (const [podKey, each] of this.#objects) {
        if (kindOf(podKey) !== "pods" || each.metadata.namespace !== namespace || isTerminal(each as Pod)) continue;
        // One that has outlived its grace is on a node of which nobody knows: it is not counted.
        if (Date.parse(each.metadata.deletionTimestamp ?? "9999") > nowMs) count++;
      }
      if (count > hard) this.#break(`namespace ${namespace} has ${count} pods where its quota allows ${hard}`);
    }
  }

  #objectOf(uid: string): KubeObject | undefined {
    return this.#objects.get(this.#byUid.get(uid)?.key ?? "");
  }

  #podsOf(uid: string): Pod[] {
    const keys = [...(this.#controlled.get(uid) ?? [])].filter((key) => kindOf(key) === "pods");
    // The keys say so.
    return keys.map((key) => this.#objects.get(key) as Pod);
  }

  #break(what: string): void {
    if (this.broken.has(what)) return;
    this.broken.add(what);
    this.onBroken(what);
  }
}

const indexAnnotation = "batch.kubernetes.io/job-completion-index";
const workloadKinds = new Set(["deployments", "replicasets", "statefulsets", "daemonsets", "jobs"]);
const otherKinds = new Set(["pods", "resourcequotas"]);

/** The plural that a key names, for the kinds that matter here. */
function kindOf(key: string): string | undefined {
  const plural = key.split("/", 4)[3] ?? "";
  return workloadKinds.has(plural) || otherKinds.has(plural) ? plural : undefined;
}

const isTerminal = ({ status }: Pod) => status.phase === "Succeeded" || status.phase === "Failed";
const isUp = (pod: Pod) => pod.metadata.deletionTimestamp === undefined && !isTerminal(pod);

/** The node that a pod of a DaemonSet is for: it is named by an affinity to the node's name. */
function daemonNodeOf({ spec }: Pod): string | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.[0]?.values?.[0];
}
