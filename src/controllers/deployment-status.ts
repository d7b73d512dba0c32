// What a Deployment reports: pkg/controller/deployment/{progress,sync}.go, with the reasons and sentences people know.
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "../api/index.ts";
import { timestamp } from "../lib/index.ts";
import { desiredReplicas, maxUnavailable, type PlannedSet } from "./deployment-scaling.ts";

/** The value that stands for "no deadline" (MaxInt32). */
const noDeadlineSeconds = 2 ** 31 - 1;

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noDeadlineSeconds;
}

/** A Deployment's conditions while they are being decided. */
export class Conditions {
  readonly #nowMs: number;
  #list: DeploymentCondition[];

  constructor(list: readonly DeploymentCondition[], nowMs: number) {
    this.#list = [...list];
    this.#nowMs = nowMs;
  }

  get list(): readonly DeploymentCondition[] {
    return this.#list;
  }

  get(type: string): DeploymentCondition | undefined {
    return this.#list.find((each) => each.type === type);
  }

  remove(type: string): void {
    this.#list = this.#list.filter((each) => each.type !== type);
  }

  /** Nothing changes when status and reason are the same; the time of transition only when the status is another. */
  set(type: string, status: string, reason: string, message: string): void {
    const known = this.get(type);
    if (known?.status === status && known.reason === reason) return;
    this.refresh(type, status, reason, message);
  }

  /** As `set`, but notes the time and the message even when nothing else is new. */
  refresh(type: string, status: string, reason: string, message: string): void {
    const known = this.get(type);
    const now = timestamp(this.#nowMs);
    const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? now) : now;
    this.remove(type);
    this.#list.push({ type, status, lastUpdateTime: now, lastTransitionTime, reason, message });
  }
}

/** The counts over all sets, and whether enough pods are available. */
export function countedStatus(
  deployment: Deployment,
  sets: readonly PlannedSet[],
  newest: PlannedSet | undefined,
  conditions: Conditions,
): DeploymentStatus {
  const existing = sets.flatMap((set) => set.existing ?? []);
  const sum = (of: (set: ReplicaSet) => number | undefined) => existing.reduce((all, set) => all + (of(set) ?? 0), 0);
  const available = sum(({ status }) => status.availableReplicas);
  const wanted = sets.reduce((all, set) => all + set.replicas, 0);
  if (available >= desiredReplicas(deployment) - maxUnavailable(deployment)) {
    conditions.set("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.");
  } else {
    const message = "Deployment does not have minimum availability.";
    conditions.set("Available", "False", "MinimumReplicasUnavailable", message);
  }
  const { collisionCount } = deployment.status;
  const generation = deployment.metadata.generation;
  // A set that its controller has not looked at yet has no pods that end.
  const reportsTerminating = existing.every(
    ({ status }) => status.terminatingReplicas !== undefined || !status.observedGeneration,
  );
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    replicas: sum(({ status }) => status.replicas),
    updatedReplicas: newest?.existing?.status.replicas ?? 0,
    readyReplicas: sum(({ status }) => status.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available),
    ...(reportsTerminating ? { terminatingReplicas: sum(({ status }) => status.terminatingReplicas) } : {}),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: conditions.list,
  };
}

/** Whether everything runs in the newest version and nothing in an older one. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = desiredReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Whether more is done than was reported last. */
function isProgressing({ status: before }: Deployment, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** When the deadline for progress runs out; undefined when nothing waits for it. */
function deadlineMs(deployment: Deployment, conditions: Conditions): number | undefined {
  const condition = conditions.get("Progressing");
  const { progressDeadlineSeconds } = deployment.spec;
  if (!condition || !hasProgressDeadline(deployment) || progressDeadlineSeconds === undefined) return undefined;
  if (condition.reason === "NewReplicaSetAvailable" || condition.reason === "ProgressDeadlineExceeded")
    return undefined;
  return Date.parse(condition.lastUpdateTime ?? "") + progressDeadlineSeconds * 1000;
}

/** Decides the condition Progressing of a rollout. Returns after what time the deadline must be looked at again. */
export function reportProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  newest: PlannedSet | undefined,
  conditions: Conditions,
  nowMs: number,
): number | undefined {
  const subject = newest ? `ReplicaSet "${newest.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (!hasProgressDeadline(deployment)) {
    conditions.remove("Progressing");
    return undefined;
  }
  const wasComplete =
    status.replicas === status.updatedReplicas && conditions.get("Progressing")?.reason === "NewReplicaSetAvailable";
  if (wasComplete) return undefined;
  const deadline = deadlineMs(deployment, conditions);
  if (isComplete(deployment, status)) {
    conditions.set("Progressing", "True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`);
  } else if (isProgressing(deployment, status)) {
    conditions.refresh("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`);
  } else if (deadline !== undefined && deadline < nowMs) {
    conditions.set("Progressing", "False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`);
  }
  const next = deadlineMs(deployment, conditions);
  // One second more: times are reported in whole seconds.
  return next === undefined ? undefined : Math.max(0, next - nowMs) + 1000;
}

/** Passes on why pods cannot be made: the newest set's failure, else any other's. */
export function reportReplicaFailure(
  sets: readonly PlannedSet[],
  newest: PlannedSet | undefined,
  to: Conditions,
): void {
  const failureOf = (set: PlannedSet | undefined) =>
    set?.existing?.status.conditions?.find(({ type }) => type === "ReplicaFailure");
  const failure = failureOf(newest) ?? sets.map(failureOf).find((each) => each !== undefined);
  if (failure) to.set("ReplicaFailure", failure.status, failure.reason ?? "", failure.message ?? "");
  else to.remove("ReplicaFailure");
}

/** A paused rollout makes no progress, and is not late either. */
export function reportPause(deployment: Deployment, conditions: Conditions): void {
  if (!hasProgressDeadline(deployment)) return;
  const reason = conditions.get("Progressing")?.reason;
  if (reason === "ProgressDeadlineExceeded") return;
  if (deployment.spec.paused && reason !== "DeploymentPaused") {
    conditions.set("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
  } else if (!deployment.spec.paused && reason === "DeploymentPaused") {
    conditions.set("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
  }
}
