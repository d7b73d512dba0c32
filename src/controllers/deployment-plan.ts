// What to do about a Deployment: a pure function of it, its ReplicaSets and their pods.
import {
  type Deployment,
  type DeploymentStatus,
  Deployments,
  type NewObject,
  newControllerReference,
  type Pod,
  type PodTemplateSpec,
  podTemplateHash,
  type ReplicaSet,
} from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import { type Annotations, newestAnnotations, revisionAnnotation, revisionOf } from "./deployment-annotations.ts";
import {
  desiredReplicas,
  newestReplicas,
  type PlannedSet,
  rescale,
  roll,
  setReplicas,
  wasRescaled,
} from "./deployment-scaling.ts";
import {
  Conditions,
  countedStatus,
  hasProgressDeadline,
  isComplete,
  reportPause,
  reportProgress,
  reportReplicaFailure,
} from "./deployment-status.ts";

const templateHashLabel = "pod-template-hash";
/** How long a name may be; of a Deployment's that is too long for a hash behind it, ReplicaSets have the beginning. */
const nameMax = 253;

export interface DeploymentPlan {
  readonly create?: NewObject<ReplicaSet>;
  readonly change: readonly SetChange[];
  readonly remove: readonly ReplicaSet[];
  /** For the Deployment's own annotation. */
  readonly revision?: string;
  readonly status: DeploymentStatus;
  readonly afterMs?: number;
}

export interface SetChange {
  readonly set: ReplicaSet;
  readonly replicas: number;
  readonly minReadySeconds: number;
  readonly annotations: Annotations;
}

export interface DeploymentView {
  readonly deployment: Deployment;
  readonly sets: readonly ReplicaSet[];
  readonly podsOf: (set: ReplicaSet) => readonly Pod[];
  readonly nowMs: number;
}

export function planDeployment(view: DeploymentView): DeploymentPlan {
  return new Planner(view).plan();
}

/** The template as the ReplicaSet has it, without the label that the controller added. */
export function withoutHash(template: PodTemplateSpec | undefined): Partial<PodTemplateSpec> {
  const { [templateHashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

/** Whether the set runs the Deployment's present template. */
export function hasTemplateOf(deployment: Deployment, { spec }: Pick<ReplicaSet, "spec">): boolean {
  return deepEqual(withoutHash(spec.template), withoutHash(deployment.spec.template));
}

class Planner {
  readonly #view: DeploymentView;
  readonly #deployment: Deployment;
  readonly #conditions: Conditions;
  readonly #old: readonly PlannedSet[];
  #newest: PlannedSet | undefined;
  #create: NewObject<ReplicaSet> | undefined;
  #remove: readonly ReplicaSet[] = [];

  constructor(view: DeploymentView) {
    this.#view = view;
    this.#deployment = view.deployment;
    this.#conditions = new Conditions(view.deployment.status.conditions ?? [], view.nowMs);
    const sets = [...view.sets].sort(compareCreation);
    // Of several equal ones the oldest, so that all who look find the same.
    const newest = sets.find((set) => hasTemplateOf(view.deployment, set));
    this.#old = sets.filter((set) => set !== newest).map(planned);
    if (newest) this.#newest = planned(newest);
  }

  plan(): DeploymentPlan {
    const { spec, metadata, status } = this.#deployment;
    if (metadata.deletionTimestamp !== undefined) return this.#result(this.#count());
    reportPause(this.#deployment, this.#conditions);
    this.#noteRevision();
    if (spec.paused || wasRescaled(this.#deployment, this.#sets)) {
      rescale(this.#deployment, this.#newest, this.#old);
      if (spec.paused) this.#removeOldest();
      return this.#result(this.#count());
    }
    if (spec.strategy?.type === "Recreate") this.#recreate();
    else roll(this.#deployment, this.#ensureNewest(), this.#old);
    if (isComplete(this.#deployment, status)) this.#removeOldest();
    const counted = this.#count();
    const { nowMs } = this.#view;
    const afterMs = reportProgress(this.#deployment, counted, this.#newest, this.#conditions, nowMs);
    reportReplicaFailure(this.#sets, this.#newest, this.#conditions);
    return this.#result({ ...counted, conditions: this.#conditions.list }, afterMs);
  }

  get #sets(): readonly PlannedSet[] {
    return this.#newest ? [...this.#old, this.#newest] : this.#old;
  }

  #count(): DeploymentStatus {
    return countedStatus(this.#deployment, this.#sets, this.#newest, this.#conditions);
  }

  /** The number of the present template: one more than that of any other. */
  get #revision(): bigint {
    let highest = 0n;
    for (const { existing } of this.#old) {
      const number = existing ? revisionOf(existing) : 0n;
      if (number > highest) highest = number;
    }
    return highest + 1n;
  }

  #noteRevision(): void {
    const newest = this.#newest;
    if (!newest) return;
    newest.annotations = newestAnnotations(this.#deployment, newest.annotations, this.#revision);
    if (!hasProgressDeadline(this.#deployment) || this.#conditions.get("Progressing")) return;
    this.#conditions.set("Progressing", "True", "FoundNewReplicaSet", `Found new replica set "${newest.name}"`);
  }

  #ensureNewest(): PlannedSet {
    if (this.#newest) return this.#newest;
    const { metadata, spec, status } = this.#deployment;
    const hash = podTemplateHash(spec.template, status.collisionCount);
    const labels = { ...spec.template.metadata?.labels, [templateHashLabel]: hash };
    const set: PlannedSet = {
      name: `${metadata.name.slice(0, nameMax - hash.length - 1)}-${hash}`,
      replicas: 0,
      annotations: newestAnnotations(this.#deployment, {}, this.#revision),
    };
    setReplicas(set, newestReplicas(this.#deployment, [...this.#old, set], set), this.#deployment);
    this.#newest = set;
    this.#create = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: set.name,
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        labels,
        annotations: set.annotations,
        ownerReferences: [newControllerReference(this.#deployment, Deployments)],
      },
      spec: {
        replicas: set.replicas,
        ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
        selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [templateHashLabel]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    };
    if (hasProgressDeadline(this.#deployment)) {
      this.#conditions.set("Progressing", "True", "NewReplicaSetCreated", `Created new replica set "${set.name}"`);
    }
    return set;
  }

  /** All old pods must be gone before the first new one starts. */
  #recreate(): void {
    const active = this.#old.filter((set) => set.replicas > 0);
    for (const set of active) setReplicas(set, 0, this.#deployment);
    if (active.length > 0 || this.#oldPodsRun()) return;
    const newest = this.#ensureNewest();
    const desired = desiredReplicas(this.#deployment);
    if (newest.replicas !== desired) setReplicas(newest, desired, this.#deployment);
  }

  #oldPodsRun(): boolean {
    return this.#old.some(({ existing }) => {
      if (!existing) return false;
      if (existing.status.replicas > 0) return true;
      return this.#view
        .podsOf(existing)
        .some(({ status }) => status.phase !== "Failed" && status.phase !== "Succeeded");
    });
  }

  /** Keeps as many empty old sets as the history may have, the latest. */
  #removeOldest(): void {
    const { revisionHistoryLimit } = this.#deployment.spec;
    if (revisionHistoryLimit === undefined) return;
    const sets = this.#old.flatMap(({ existing }) =>
      existing && existing.metadata.deletionTimestamp === undefined ? [existing] : [],
    );
    sets.sort((a, b) => Number(revisionOf(a) - revisionOf(b)) || compareCreation(a, b));
    const surplus = sets.slice(0, Math.max(0, sets.length - revisionHistoryLimit));
    this.#remove = surplus.filter(
      ({ spec, status, metadata }) =>
        spec.replicas === 0 && !status.replicas && (metadata.generation ?? 0) <= (status.observedGeneration ?? 0),
    );
  }

  #result(status: DeploymentStatus, afterMs?: number): DeploymentPlan {
    const minReadySeconds = this.#deployment.spec.minReadySeconds ?? 0;
    const change = this.#sets.flatMap((each): SetChange[] => {
      const set = each.existing;
      if (!set) return [];
      // Only the newest set follows the Deployment's minReadySeconds.
      const ready = each === this.#newest ? minReadySeconds : (set.spec.minReadySeconds ?? 0);
      const unchanged =
        each.replicas === (set.spec.replicas ?? 1) &&
        ready === (set.spec.minReadySeconds ?? 0) &&
        deepEqual(each.annotations, set.metadata.annotations ?? {});
      const { replicas, annotations } = each;
      return unchanged ? [] : [{ set, replicas, minReadySeconds: ready, annotations }];
    });
    const revision = this.#newest?.annotations[revisionAnnotation];
    return {
      ...(this.#create === undefined ? {} : { create: this.#create }),
      change,
      remove: this.#remove,
      ...(revision === undefined ? {} : { revision }),
      status,
      ...(afterMs === undefined ? {} : { afterMs }),
    };
  }
}

function planned(existing: ReplicaSet): PlannedSet {
  return {
    name: existing.metadata.name,
    existing,
    replicas: existing.spec.replicas ?? 1,
    annotations: existing.metadata.annotations ?? {},
  };
}

function compareCreation(a: ReplicaSet, b: ReplicaSet): number {
  const difference = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  if (difference) return difference;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
