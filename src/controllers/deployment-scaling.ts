// How many pods each ReplicaSet of a Deployment gets: the arithmetic of pkg/controller/deployment/{rolling,recreate,sync}.go.
import { type Deployment, type ReplicaSet, scaledIntOrPercent } from "../api/index.ts";
import { type Annotations, desiredReplicasOf, maxReplicasOf, scaleAnnotations } from "./deployment-annotations.ts";

/** A ReplicaSet as it shall become. Planning changes `replicas` and `annotations`. */
export interface PlannedSet {
  readonly name: string;
  /** What is there; absent when the set is to be created. */
  readonly existing?: ReplicaSet;
  replicas: number;
  annotations: Annotations;
}

export function desiredReplicas({ spec }: Deployment): number {
  return spec.replicas ?? 1;
}

function isRollingUpdate({ spec }: Deployment): boolean {
  return (spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/** Surge rounds up, unavailability down; not both may be nothing, or no rollout could move. */
function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const desired = desiredReplicas(deployment);
  const surge = scaledIntOrPercent(maxSurge, desired, "up");
  const unavailable = scaledIntOrPercent(maxUnavailable, desired, "down");
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** How many pods there may be beyond the desired number. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;
}

/** How many of the desired pods may be unavailable. */
export function maxUnavailable(deployment: Deployment): number {
  const desired = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment) || desired === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, desired);
}

export function setReplicas(set: PlannedSet, replicas: number, deployment: Deployment): void {
  const desired = desiredReplicas(deployment);
  set.replicas = replicas;
  set.annotations = { ...set.annotations, ...scaleAnnotations(desired, desired + maxSurge(deployment)) };
}

const replicasOf = (sets: readonly PlannedSet[]) => sets.reduce((sum, set) => sum + set.replicas, 0);
/**
 * How many of a set's pods serve. Its status may still count those that it was told to give up: counted on twice they
 * were more than may be missing.
 */
const availableOf = ({ existing, replicas }: PlannedSet) =>
  Math.min(existing?.status.availableReplicas ?? 0, existing?.spec.replicas ?? replicas);
const createdMs = ({ existing }: PlannedSet) =>
  existing ? Date.parse(existing.metadata.creationTimestamp) : Number.POSITIVE_INFINITY;

/** Older first; sets of one second by name. */
export function compareAge(a: PlannedSet, b: PlannedSet): number {
  const difference = createdMs(a) - createdMs(b);
  if (difference) return difference;
  return a.name < b.name ? -1 : 1;
}

/** How large the newest set may be now, given all that runs. */
export function newestReplicas(deployment: Deployment, sets: readonly PlannedSet[], newest: PlannedSet): number {
  const desired = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const room = desired + maxSurge(deployment) - replicasOf(sets);
  if (room <= 0) return newest.replicas;
  return newest.replicas + Math.min(room, desired - newest.replicas);
}

/** One step of a rolling update: the newest set up if it can, else the old ones down as far as they may. */
export function roll(deployment: Deployment, newest: PlannedSet, old: readonly PlannedSet[]): void {
  const desired = desiredReplicas(deployment);
  const sets = [...old, newest];
  if (newest.replicas !== desired) {
    const replicas = newest.replicas > desired ? desired : newestReplicas(deployment, sets, newest);
    if (replicas !== newest.replicas) {
      setReplicas(newest, replicas, deployment);
      return;
    }
  }
  const active = old.filter((set) => set.replicas > 0).sort(compareAge);
  if (active.length === 0) return;
  const minAvailable = desired - maxUnavailable(deployment);
  const newestUnavailable = newest.replicas - availableOf(newest);
  const spare = replicasOf(sets) - minAvailable - newestUnavailable;
  if (spare <= 0) return;
  scaleDownUnhealthy(deployment, active, spare);
  scaleDownHealthy(deployment, active, sets, minAvailable);
}

/** Pods that serve nobody go first, so that a broken template does not hold up its successor. */
function scaleDownUnhealthy(deployment: Deployment, active: readonly PlannedSet[], atMost: number): void {
  let left = atMost;
  for (const set of active) {
    const down = Math.min(left, set.replicas - availableOf(set));
    if (down <= 0) continue;
    setReplicas(set, set.replicas - down, deployment);
    left -= down;
  }
}

function scaleDownHealthy(
  deployment: Deployment,
  active: readonly PlannedSet[],
  sets: readonly PlannedSet[],
  minAvailable: number,
): void {
  let left = sets.reduce((sum, set) => sum + availableOf(set), 0) - minAvailable;
  for (const set of active) {
    const down = Math.min(left, set.replicas);
    if (down <= 0) continue;
    setReplicas(set, set.replicas - down, deployment);
    left -= down;
  }
}

/** Whether the desired number changed since the sets were scaled. */
export function wasRescaled(deployment: Deployment, sets: readonly PlannedSet[]): boolean {
  return sets.some(({ existing, replicas }) => {
    const before = existing && desiredReplicasOf(existing);
    return replicas > 0 && before !== undefined && before !== desiredReplicas(deployment);
  });
}

/** Carries a new desired number to the sets; in the middle of a rollout to all of them in proportion to their sizes. */
export function rescale(deployment: Deployment, newest: PlannedSet | undefined, old: readonly PlannedSet[]): void {
  const desired = desiredReplicas(deployment);
  const sets = newest ? [...old, newest] : [...old];
  const active = sets.filter((set) => set.replicas > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newest ?? old.toSorted(compareAge).at(-1);
    if (only && only.replicas !== desired) setReplicas(only, desired, deployment);
    return;
  }
  if (newest && isSaturated(deployment, newest)) {
    for (const set of old) if (set.replicas > 0) setReplicas(set, 0, deployment);
    return;
  }
  if (isRollingUpdate(deployment)) rescaleInProportion(deployment, active);
}

function isSaturated(deployment: Deployment, { existing, replicas }: PlannedSet): boolean {
  const desired = desiredReplicas(deployment);
  return (
    existing !== undefined &&
    desiredReplicasOf(existing) === desired &&
    replicas === desired &&
    existing.status.availableReplicas === desired
  );
}

function rescaleInProportion(deployment: Deployment, active: readonly PlannedSet[]): void {
  const desired = desiredReplicas(deployment);
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0;
  const toAdd = allowed - replicasOf(active);
  // The largest first; of equals the newer when there is something to add, the older when something goes.
  const bySize = active.toSorted(
    (a, b) => b.replicas - a.replicas || (toAdd > 0 ? compareAge(b, a) : compareAge(a, b)),
  );
  let added = 0;
  const sizes = bySize.map((set) => {
    if (toAdd === 0) return set.replicas;
    const share = shareOf(deployment, set);
    const left = toAdd - added;
    const taken = left === 0 ? 0 : toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    added += taken;
    return set.replicas + taken;
  });
  // What rounding left over is the largest set's.
  if (toAdd !== 0 && sizes[0] !== undefined) sizes[0] = Math.max(0, sizes[0] + toAdd - added);
  for (const [index, set] of bySize.entries()) setReplicas(set, sizes[index] ?? set.replicas, deployment);
}

/** By how much the set would change if it kept its part of the whole. */
function shareOf(deployment: Deployment, { existing, replicas }: PlannedSet): number {
  const desired = desiredReplicas(deployment);
  if (desired === 0) return -replicas;
  const before = (existing && maxReplicasOf(existing)) || deployment.status.replicas || 0;
  if (before === 0) return 0;
  return Math.round((replicas * (desired + maxSurge(deployment))) / before) - replicas;
}
