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

export function planStatefulSet(view: StatefulSetView): StatefulSetPlan {
  return new Planner(view).plan();
}

/** The place of one ordinal, with the pod that holds it, if any. */
interface Place {
  readonly ordinal: number;
  readonly pod: Pod | undefined;
}

class Planner {
  readonly #view: StatefulSetView;
  readonly #set: StatefulSet;
  readonly #ordered: boolean;
  readonly #start: number;
  readonly #places: readonly Place[];
  /** Pods with ordinals that are not wanted, the highest first. */
  readonly #condemned: readonly Pod[];
  readonly #stages: PodStep[][] = [];
  #updated: readonly Pod[] = [];
  #afterMs: number | undefined;

  constructor(view: StatefulSetView) {
    this.#view = view;
    const { set, pods } = view;
    this.#set = set;
    this.#ordered = set.spec.podManagementPolicy !== "Parallel";
    const start = set.spec.ordinals?.start ?? 0;
    this.#start = start;
    const replicas = set.spec.replicas ?? 1;
    const holders = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
    this.#places = Array.from({ length: replicas }, (_, index) => ({
      ordinal: start + index,
      pod: holders.get(start + index),
    }));
    this.#condemned = pods
      .filter((pod) => !this.#isWanted(pod))
      .toSorted((a, b) => (ordinalOf(b) ?? 0) - (ordinalOf(a) ?? 0));
  }

  plan(): StatefulSetPlan {
    // Scaling goes before updating, and the pods that are wanted go before those that are not.
    if (this.#replicas() && this.#scaleDown()) this.#roll();
    const { pods, nowMs } = this.#view;
    const next = nextAvailability(pods, this.#set.spec.minReadySeconds ?? 0, nowMs);
    if (next) this.#lookAgain(next.afterMs);
    return {
      stages: this.#stages.filter((stage) => stage.length > 0),
      status: this.#status(),
      ...(this.#afterMs === undefined ? {} : { afterMs: this.#afterMs }),
    };
  }

  /** Brings every place to life. Whether the plan may go on: where pods come in order, each waits for the one before. */
  #replicas(): boolean {
    const together: PodStep[] = [];
    if (!this.#ordered) this.#stages.push(together);
    for (const place of this.#places) {
      const { step, waits } = this.#replica(place);
      if (step) this.#ordered ? this.#stages.push([step]) : together.push(step);
      if (waits && this.#ordered) return false;
    }
    return true;
  }

  #replica({ ordinal, pod }: Place): { readonly step?: PodStep | undefined; readonly waits: boolean } {
    const { set, current, update, claimOf, holdOffMs } = this.#view;
    if (!pod) {
      const created = newStatefulPod(set, ordinal, this.#isForCurrent(ordinal) ? current : update);
      const identity = { name: `${set.metadata.name}-${ordinal}`, ordinal, wanted: true };
      if (hasStaleClaim(set, identity, claimOf)) return { waits: true };
      return { step: { verb: "create", pod: created, claims: claimChanges(set, identity, claimOf) }, waits: true };
    }
    if (isPodTerminal(pod)) {
      if (isTerminating(pod)) return { waits: true };
      const holdOff = holdOffMs(pod.metadata.name);
      if (holdOff === 0) return { step: { verb: "delete", pod }, waits: true };
      this.#lookAgain(holdOff);
      return { waits: true };
    }
    const claims = claimChanges(set, identityOf(pod, true), claimOf);
    const isWaiting = isTerminating(pod) || !isRunningAndReady(pod) || !this.#isAvailable(pod);
    if (pod.status.phase === "Pending" && claims.create.length > 0) {
      return { step: { verb: "update", name: pod.metadata.name, claims }, waits: isWaiting };
    }
    if (isWaiting && this.#ordered) return { waits: true };
    return { step: mend(set, pod, ordinal, claims), waits: false };
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
    const most = Math.max(1, scaledIntOrPercent(maxUnavailable, this.#places.length, "down"));
    const unavailable = this.#places.filter(({ pod }) => !pod || this.#isUnavailable(pod)).length;
    const outdated = this.#places
      .slice(partition)
      .flatMap(({ pod }) => pod ?? [])
      .filter((pod) => revisionOf(pod) !== this.#view.update.metadata.name && !isTerminating(pod))
      .reverse();
    // What is broken already costs no availability; so a rollout that got stuck is mended by the next one. Pods that
    // come in order are never updated while one is broken: that one has to be deleted by hand.
    const isBroken = (pod: Pod) => !this.#ordered && !this.#isAvailable(pod);
    const isBeingDeleted = new Set(this.#stages.flat().flatMap((step) => (step.verb === "delete" ? [step.pod] : [])));
    const budget = Math.max(0, most - unavailable);
    this.#updated = [...outdated.filter(isBroken), ...outdated.filter((pod) => !isBroken(pod)).slice(0, budget)].filter(
      (pod) => !isBeingDeleted.has(pod),
    );
    this.#stages.push(this.#updated.map((pod) => ({ verb: "delete", pod })));
  }

  #status(): StatefulSetStatus {
    const { set, pods, current, update } = this.#view;
    const { conditions, collisionCount = 0 } = set.status;
    const staying = pods.filter((pod) => !isTerminating(pod) && !this.#updated.includes(pod));
    const ofRevision = ({ metadata }: ControllerRevision) =>
      staying.filter((pod) => revisionOf(pod) === metadata.name).length;
    const ready = pods.filter(isRunningAndReady);
    const counts = {
      replicas: pods.length,
      readyReplicas: ready.length,
      availableReplicas: ready.filter((pod) => this.#isAvailable(pod)).length,
      updatedReplicas: ofRevision(update),
    };
    const wanted = this.#places.length;
    const isComplete =
      set.spec.updateStrategy?.type !== "OnDelete" &&
      counts.updatedReplicas === wanted &&
      counts.readyReplicas === wanted &&
      counts.replicas === wanted;
    const generation = set.metadata.generation;
    return {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...counts,
      currentReplicas: isComplete ? counts.updatedReplicas : ofRevision(current),
      currentRevision: isComplete ? update.metadata.name : current.metadata.name,
      updateRevision: update.metadata.name,
      collisionCount,
      ...(conditions === undefined ? {} : { conditions }),
    };
  }

  #isWanted(pod: Pod): boolean {
    const ordinal = ordinalOf(pod);
    return ordinal !== undefined && ordinal >= this.#start && ordinal < this.#start + this.#places.length;
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
