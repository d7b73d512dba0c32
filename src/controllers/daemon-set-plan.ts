// What to do about a DaemonSet's pods: a pure function of the set, the nodes and the pods, in one pass over both.
// pkg/controller/daemon/daemon_controller.go and update.go.
import {
  type DaemonSet,
  type DaemonSetStatus,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  type Node,
  type Pod,
  scaledIntOrPercent,
} from "../api/index.ts";
import { revisionLabel } from "./controller-revisions.ts";
import { type Placement, placementOf, targetNode } from "./daemon-set-placement.ts";
import { nextAvailability } from "./pod-control.ts";

export interface DaemonSetPlan {
  /** The names of the nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Removal[];
  readonly status: DaemonSetStatus;
  readonly afterMs?: number;
}

export interface Removal {
  readonly pod: Pod;
  /** Set when the pod is removed because it has ended there. */
  readonly endedOn?: string;
}

export interface DaemonSetView {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** The label of pods with the present template. */
  readonly hash: string;
  /** How long a failed pod of this node must be left before it is replaced. */
  readonly holdOffMs: (nodeName: string) => number;
  readonly nowMs: number;
}

export function planDaemonSet(view: DaemonSetView): DaemonSetPlan {
  return new Planner(view).plan();
}

/** A node, with its pods in the order in which they would be kept. */
interface Site {
  readonly name: string;
  readonly placement: Placement;
  readonly pods: readonly Pod[];
}

const nowhere: Placement = { runs: false, stays: false };

class Planner {
  readonly #view: DaemonSetView;
  /** The nodes that there are, in their order. */
  readonly #sites: readonly Site[];
  /** Nodes that are gone and of which pods are left. */
  readonly #lost: readonly Site[];
  readonly #create: string[] = [];
  readonly #remove: Removal[] = [];
  #afterMs: number | undefined;

  constructor(view: DaemonSetView) {
    this.#view = view;
    const byNode = Map.groupBy(view.pods.filter(isOfInterest), (pod) => targetNode(pod));
    const placement = placementOf(view.set);
    this.#sites = view.nodes.map((node) => {
      const { name } = node.metadata;
      return { name, placement: placement(node), pods: (byNode.get(name) ?? []).toSorted(comparePods) };
    });
    for (const { name } of this.#sites) byNode.delete(name);
    this.#lost = [...byNode].flatMap(([name, pods]) =>
      name === undefined ? [] : [{ name, placement: nowhere, pods }],
    );
  }

  plan(): DaemonSetPlan {
    for (const site of this.#sites) this.#settle(site);
    for (const { pods } of this.#lost) {
      // Nobody else deletes what was meant for a node that is gone and never got there.
      this.#discard(pods.filter(({ spec, metadata }) => !spec.nodeName && metadata.deletionTimestamp === undefined));
    }
    // An update goes on when every node has what it should have.
    const isSettled = this.#create.length === 0 && this.#remove.length === 0;
    if (isSettled && this.#view.set.spec.updateStrategy?.type === "RollingUpdate") this.#roll();
    const { pods, set, nowMs } = this.#view;
    const next = nextAvailability(pods, set.spec.minReadySeconds ?? 0, nowMs);
    if (next) this.#lookAgain(next.afterMs);
    return {
      create: this.#create,
      remove: this.#remove,
      status: this.#status(),
      ...(this.#afterMs === undefined ? {} : { afterMs: this.#afterMs }),
    };
  }

  /** One pod on every node where it belongs, none where it may not stay, and none that has ended. */
  #settle({ name, placement, pods }: Site): void {
    const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (placement.runs && pods.length === 0) {
      this.#create.push(name);
      return;
    }
    if (!placement.stays) {
      this.#discard(staying);
      return;
    }
    const running: Pod[] = [];
    let isHeldOff = false;
    for (const pod of staying) {
      if (!isPodTerminal(pod)) {
        running.push(pod);
        continue;
      }
      const holdOffMs = pod.status.phase === "Failed" ? this.#view.holdOffMs(name) : 0;
      if (holdOffMs === 0) {
        this.#remove.push({ pod, endedOn: name });
        continue;
      }
      this.#lookAgain(holdOffMs);
      isHeldOff = true;
    }
    if (!this.#surges(1)) this.#discard(running.slice(1));
    else if (running.length === 0 && placement.runs && !isHeldOff) this.#create.push(name);
    else if (running.length > 1) this.#settleSurge(running);
  }

  /** Two pods may be there while the new one is not available and the old one is ready. */
  #settleSurge(running: readonly Pod[]): void {
    const [newest, ...surplusNew] = running.filter((pod) => this.#isUpdated(pod));
    const [old, ...surplusOld] = running.filter((pod) => !this.#isUpdated(pod));
    this.#discard([...surplusNew, ...surplusOld]);
    if (newest && old && (!isPodReady(old) || this.#isAvailable(newest))) this.#discard([old]);
  }

  #roll(): void {
    const desired = this.#sites.filter(({ placement }) => placement.runs).length;
    const sites = [...this.#sites, ...this.#lost].filter(({ pods, placement }) => placement.runs || pods.length > 0);
    const surge = this.#surges(desired);
    if (surge > 0) this.#rollWithSurge(sites, desired, surge);
    else this.#rollInPlace(sites, desired);
  }

  /** Deletes old pods: at once those that are not available, and of the others as many as may be unavailable. */
  #rollInPlace(sites: readonly Site[], desired: number): void {
    const { maxUnavailable = 1 } = this.#view.set.spec.updateStrategy?.rollingUpdate ?? {};
    // One, if neither that nor a surge is allowed: the update must come to an end.
    const most = Math.max(1, scaledIntOrPercent(maxUnavailable, desired, "up"));
    const candidates: Pod[] = [];
    let unavailable = 0;
    for (const site of sites) {
      const { newest, old, isClear } = this.#versionsOn(site);
      if (!isClear || Boolean(newest) === Boolean(old)) unavailable++;
      else if (newest && !this.#isAvailable(newest)) unavailable++;
      else if (old && this.#isAvailable(old)) candidates.push(old);
      else if (old) {
        this.#discard([old]);
        unavailable++;
      }
    }
    this.#discard(candidates.slice(0, Math.max(0, most - unavailable)));
  }

  /** Makes new pods beside old ones, and deletes an old one when the new one beside it is available. */
  #rollWithSurge(sites: readonly Site[], desired: number, most: number): void {
    const candidates: string[] = [];
    const misplaced: Pod[] = [];
    let surging = 0;
    let available = 0;
    for (const site of sites) {
      const { newest, old, isClear } = this.#versionsOn(site);
      if (!isClear) {
        surging++;
        continue;
      }
      const serving = old ?? newest;
      if (serving && this.#isAvailable(serving)) available++;
      if (!old) continue;
      if (newest) {
        if (this.#isAvailable(newest)) this.#discard([old]);
        else surging++;
      } else if (!this.#isAvailable(old)) {
        if (site.placement.runs) this.#create.push(site.name);
        else this.#discard([old]);
      } else if (site.placement.runs) candidates.push(site.name);
      else misplaced.push(old);
    }
    // Who surges expects to lose nothing: a pod that has to leave its node leaves when others are there in its place.
    this.#discard(misplaced.slice(0, Math.max(0, available - desired)));
    this.#create.push(...candidates.slice(0, Math.max(0, most - surging)));
  }

  /** The pods of the present and of another template that stay on a node; not clear when there are several of one kind. */
  #versionsOn({ pods }: Site) {
    const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const updated = staying.filter((pod) => this.#isUpdated(pod));
    const others = staying.filter((pod) => !this.#isUpdated(pod));
    return { newest: updated[0], old: others[0], isClear: updated.length <= 1 && others.length <= 1 };
  }

  #status(): DaemonSetStatus {
    const { set } = this.#view;
    const wanted = this.#sites.filter(({ placement }) => placement.runs);
    const first = wanted.flatMap(({ pods }) => pods.slice(0, 1));
    const ready = first.filter(isPodReady);
    const available = ready.filter((pod) => this.#isAvailable(pod)).length;
    const generation = set.metadata.generation;
    return {
      ...set.status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      desiredNumberScheduled: wanted.length,
      currentNumberScheduled: first.length,
      numberMisscheduled: this.#sites.filter(({ placement, pods }) => !placement.runs && pods.length > 0).length,
      numberReady: ready.length,
      updatedNumberScheduled: first.filter((pod) => this.#isUpdated(pod)).length,
      numberAvailable: available,
      numberUnavailable: wanted.length - available,
    };
  }

  /** How many pods of `total` may have a second one beside them. */
  #surges(total: number): number {
    const { type, rollingUpdate } = this.#view.set.spec.updateStrategy ?? {};
    return type === "RollingUpdate" ? scaledIntOrPercent(rollingUpdate?.maxSurge ?? 0, total, "up") : 0;
  }

  #isUpdated({ metadata }: Pod): boolean {
    return metadata.labels?.[revisionLabel] === this.#view.hash;
  }

  #isAvailable(pod: Pod): boolean {
    return isPodAvailable(pod, this.#view.set.spec.minReadySeconds ?? 0, this.#view.nowMs);
  }

  #discard(pods: readonly Pod[]): void {
    for (const pod of pods) this.#remove.push({ pod });
  }

  #lookAgain(afterMs: number): void {
    this.#afterMs = Math.min(afterMs, this.#afterMs ?? afterMs);
  }
}

/** A pod that has ended and only waits for somebody's finalizer does not keep the next one away. */
function isOfInterest(pod: Pod): boolean {
  return !(isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined);
}

/** Those that have a node come first, then the older ones. */
function comparePods(a: Pod, b: Pod): number {
  const age = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return Number(!a.spec.nodeName) - Number(!b.spec.nodeName) || age || (a.metadata.name < b.metadata.name ? -1 : 1);
}
