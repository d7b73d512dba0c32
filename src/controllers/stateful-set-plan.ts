// What to do about a StatefulSet's pods: a pure function of the set, its revisions, pods and claims.
// https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ and
// pkg/controller/statefulset/stateful_set_control.go.
import {
  type ControllerRevision,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  type NewObject,
  type Pod,
  type StatefulSet,
  type StatefulSetStatus,
  scaledIntOrPercent,
} from "../api/index.ts";
import { nextAvailability } from "./pod-control.ts";
import {
  type ClaimChanges,
  type ClaimLookup,
  claimChanges,
  hasStaleClaim,
  type PodIdentity,
  storageMatches,
} from "./stateful-set-claims.ts";
import { hasIdentity, newStatefulPod, ordinalOf, revisionOf, withIdentity } from "./stateful-set-pod.ts";

/** One thing to do. The claims of a pod come before the pod. */
export type PodStep =
  | { readonly verb: "create"; readonly pod: NewObject<Pod>; readonly claims: ClaimChanges }
  /** `pod` only where its own fields change. */
  | { readonly verb: "update"; readonly name: string; readonly pod?: Pod; readonly claims: ClaimChanges }
  | { readonly verb: "delete"; readonly pod: Pod };

export interface StatefulSetPlan {
  /** The steps of one stage may be taken at once; a stage is for when the ones before it have succeeded. */
  readonly stages: readonly (readonly PodStep[])[];
  readonly status: StatefulSetStatus;
  readonly afterMs?: number;
}

export interface StatefulSetView {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  /** The revision that the set comes from, and the one that it goes to. */
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly claimOf: ClaimLookup;
  /** How long an ended pod of this name must be left before it is replaced. */
  readonly holdOffMs: (podName: string) => number;
  readonly nowMs: number;
}

/** What is to be done with one ordinal, and whether the next one in order has to wait for it. */
interface Outcome {
  readonly step?: PodStep | undefined;
  readonly waits: boolean;
}

export function planStatefulSet(view: StatefulSetView): StatefulSetPlan {
  return new Planner(view).plan();
}

/** Pods created for one plan at most; the next one goes on. */
const burst = 500;

class Planner {
  readonly #view: StatefulSetView;
  readonly #set: StatefulSet;
  readonly #ordered: boolean;
  readonly #start: number;
  readonly #replicas: number;
  /** The pods with ordinals that are wanted. */
  readonly #wanted = new Map<number, Pod>();
  /** Those with others, the highest first. */
  readonly #condemned: readonly Pod[];
  readonly #stages: PodStep[][] = [];
  #updated: ReadonlySet<Pod> = new Set();
  #afterMs: number | undefined;

  constructor(view: StatefulSetView) {
    this.#view = view;
    const { spec } = view.set;
    this.#set = view.set;
    this.#ordered = spec.podManagementPolicy !== "Parallel";
    this.#start = spec.ordinals?.start ?? 0;
    this.#replicas = spec.replicas ?? 1;
    const condemned: Pod[] = [];
    for (const pod of view.pods) {
      const ordinal = ordinalOf(pod);
      if (ordinal !== undefined && ordinal >= this.#start && ordinal < this.#end) this.#wanted.set(ordinal, pod);
      else condemned.push(pod);
    }
    this.#condemned = condemned.sort((a, b) => (ordinalOf(b) ?? 0) - (ordinalOf(a) ?? 0));
  }

  get #end(): number {
    return this.#start + this.#replicas;
  }

  plan(): StatefulSetPlan {
    // Scaling goes before updating, and the pods that are wanted go before those that are not.
    if (this.#fill() && this.#scaleDown()) this.#roll();
    const { pods, nowMs } = this.#view;
    const next = nextAvailability(pods, this.#set.spec.minReadySeconds ?? 0, nowMs);
    if (next) this.#lookAgain(next.afterMs);
    return {
      stages: this.#stages.filter((stage) => stage.length > 0),
      status: this.#status(),
      ...(this.#afterMs === undefined ? {} : { afterMs: this.#afterMs }),
    };
  }

  /** Brings every ordinal to life. Whether the plan may go on: where pods come in order, each waits for the one before. */
  #fill(): boolean {
    const together: PodStep[] = [];
    if (!this.#ordered) this.#stages.push(together);
    let made = 0;
    for (let ordinal = this.#start; ordinal < this.#end; ordinal++) {
      const pod = this.#wanted.get(ordinal);
      if (made === burst) {
        this.#lookAgain(0);
        break;
      }
      const { step, waits } = pod ? this.#keep(pod, ordinal) : this.#make(ordinal);
      if (step?.verb === "create") made++;
      if (step) this.#ordered ? this.#stages.push([step]) : together.push(step);
      if (waits && this.#ordered) return false;
    }
    return true;
  }

  #make(ordinal: number): Outcome {
    const { set, current, update, claimOf } = this.#view;
    const identity = { name: `${set.metadata.name}-${ordinal}`, ordinal, wanted: true };
    if (hasStaleClaim(set, identity, claimOf)) return { waits: true };
    const pod = newStatefulPod(set, ordinal, this.#isForCurrent(ordinal) ? current : update);
    return { step: { verb: "create", pod, claims: claimChanges(set, identity, claimOf) }, waits: true };
  }

  #keep(pod: Pod, ordinal: number): Outcome {
    const { set, claimOf, holdOffMs } = this.#view;
    const { name } = pod.metadata;
    if (isPodTerminal(pod)) {
      if (isTerminating(pod)) return { waits: true };
      const holdOff = holdOffMs(name);
      if (holdOff === 0) return { step: { verb: "delete", pod }, waits: true };
      this.#lookAgain(holdOff);
      return { waits: true };
    }
    const claims = claimChanges(set, identityOf(pod, true), claimOf);
    const waits = isTerminating(pod) || !isRunningAndReady(pod) || !this.#isAvailable(pod);
    if (pod.status.phase === "Pending" && claims.create.length > 0) {
      return { step: { verb: "update", name, claims }, waits };
    }
    if (waits && this.#ordered) return { waits };
    return { step: mend(set, pod, ordinal, claims), waits };
  }

  /** Whether a new pod with this ordinal still gets the revision that the set comes from. */
  #isForCurrent(ordinal: number): boolean {
    const { type, rollingUpdate } = this.#set.spec.updateStrategy ?? {};
    if (type === "OnDelete") return false;
    const kept = rollingUpdate ? (rollingUpdate.partition ?? 0) : (this.#set.status.currentReplicas ?? 0);
    return ordinal < this.#start + kept;
  }

  /** Removes the pods that are not wanted, from the highest ordinal on. Whether the plan may go on. */
  #scaleDown(): boolean {
    const { set, claimOf } = this.#view;
    const fixes = this.#condemned.flatMap((pod): PodStep[] => {
      const changes = claimChanges(set, identityOf(pod, false), claimOf);
      const { update } = changes;
      const claims = { ...changes, create: [], leaving: [] };
      return update.length === 0 ? [] : [{ verb: "update", name: pod.metadata.name, claims }];
    });
    this.#stages.push(fixes);
    if (!this.#ordered) {
      this.#stages.push(this.#condemned.filter((pod) => !isTerminating(pod)).map((pod) => ({ verb: "delete", pod })));
      return true;
    }
    const [last] = this.#condemned;
    if (!last) return true;
    // One that is not well is only removed when no pod before it is unwell: that one might need it.
    const isWell = isRunningAndReady(last) && this.#isAvailable(last);
    const mayGo = isWell || this.#condemned.findLast((pod) => this.#isUnavailable(pod)) === last;
    if (!isTerminating(last) && mayGo) this.#stages.push([{ verb: "delete", pod: last }]);
    return false;
  }

  /** Deletes pods of other revisions, from the highest ordinal on, as many as may be unavailable. */
  #roll(): void {
    const { spec } = this.#set;
    if (spec.updateStrategy?.type === "OnDelete") return;
    const { partition = 0, maxUnavailable = 1 } = spec.updateStrategy?.rollingUpdate ?? {};
    // At least one, or a small percentage would never roll.
    const most = Math.max(1, scaledIntOrPercent(maxUnavailable, this.#replicas, "down"));
    const wanted = [...this.#wanted.values()];
    const unavailable = this.#replicas - wanted.filter((pod) => !this.#isUnavailable(pod)).length;
    const outdated = [...this.#wanted]
      .filter(([ordinal, pod]) => ordinal >= this.#start + partition && this.#isOutdated(pod))
      .sort(([a], [b]) => b - a)
      .map(([, pod]) => pod);
    // What is broken already costs no availability; so a rollout that got stuck is mended by the next one. Pods that
    // come in order are never updated while one is broken: that one has to be deleted by hand.
    const isBroken = (pod: Pod) => !this.#ordered && !this.#isAvailable(pod);
    const isBeingDeleted = new Set(this.#stages.flat().flatMap((step) => (step.verb === "delete" ? [step.pod] : [])));
    const budget = Math.max(0, most - unavailable);
    const updated = [...outdated.filter(isBroken), ...outdated.filter((pod) => !isBroken(pod)).slice(0, budget)];
    this.#updated = new Set(updated).difference(isBeingDeleted);
    this.#stages.push([...this.#updated].map((pod) => ({ verb: "delete", pod })));
  }

  #status(): StatefulSetStatus {
    const { set, pods, current, update, nowMs } = this.#view;
    return statusOf(set, pods, { current: current.metadata.name, update: update.metadata.name }, nowMs, this.#updated);
  }

  #isOutdated(pod: Pod): boolean {
    return revisionOf(pod) !== this.#view.update.metadata.name && !isTerminating(pod);
  }

  #isAvailable(pod: Pod): boolean {
    return isPodAvailable(pod, this.#set.spec.minReadySeconds ?? 0, this.#view.nowMs);
  }

  #isUnavailable(pod: Pod): boolean {
    return isTerminating(pod) || !this.#isAvailable(pod);
  }

  #lookAgain(afterMs: number): void {
    this.#afterMs = Math.min(afterMs, this.#afterMs ?? afterMs);
  }
}

/** What the set says of itself; `leaving` are pods that are being deleted for an update just now. */
export function statusOf(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: { readonly current: string; readonly update: string },
  nowMs: number,
  leaving: ReadonlySet<Pod> = new Set(),
): StatefulSetStatus {
  const { conditions, collisionCount = 0 } = set.status;
  const { replicas: wanted = 1, minReadySeconds = 0, updateStrategy } = set.spec;
  const staying = pods.filter((pod) => !isTerminating(pod) && !leaving.has(pod));
  const ofRevision = (name: string) => staying.filter((pod) => revisionOf(pod) === name).length;
  const ready = pods.filter(isRunningAndReady);
  const counts = {
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    updatedReplicas: ofRevision(revisions.update),
  };
  const isComplete =
    updateStrategy?.type !== "OnDelete" &&
    counts.updatedReplicas === wanted &&
    counts.readyReplicas === wanted &&
    counts.replicas === wanted;
  const generation = set.metadata.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...counts,
    currentReplicas: isComplete ? counts.updatedReplicas : ofRevision(revisions.current),
    currentRevision: isComplete ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount,
    ...(conditions === undefined ? {} : { conditions }),
  };
}

/** What makes a pod carry its identity and keep its claims as the set asks; undefined when it does. */
function mend(set: StatefulSet, pod: Pod, ordinal: number, claims: ClaimChanges): PodStep | undefined {
  const fits = hasIdentity(pod) && storageMatches(set, pod.spec.volumes, ordinal);
  if (fits && claims.update.length === 0) return undefined;
  const { name } = pod.metadata;
  return { verb: "update", name, claims, ...(fits ? {} : { pod: withIdentity(set, pod, ordinal) }) };
}

function identityOf(pod: Pod, wanted: boolean): PodIdentity {
  const { name, uid } = pod.metadata;
  return { name, uid, wanted, ordinal: ordinalOf(pod) ?? 0 };
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function isRunningAndReady(pod: Pod): boolean {
  return pod.status.phase === "Running" && isPodReady(pod);
}
