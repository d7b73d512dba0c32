import type { ContainerStatus, Pod } from "../../api/index.ts";
import { findContainer, initContainersOf } from "./pod-containers.ts";
import { restartsAfter } from "./restart-policy.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

interface Statuses {
  readonly init: readonly ContainerStatus[];
  readonly apps: readonly ContainerStatus[];
}

/**
 * The pod's phase by the states of its containers; `finished` says that none will run again.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
 */
export function podPhase(pod: Pod, { init, apps }: Statuses, finished: boolean): PodPhase {
  const initial = initPhase(pod, init, hasBegun(apps));
  if (initial === "failed") return "Failed";
  const ended = apps.filter((each) => each.state?.terminated ?? each.lastState?.terminated);
  const waiting = apps.filter((each) => !each.state?.running && !ended.includes(each));
  if (finished && waiting.length === 0) return allSucceeded(apps) ? "Succeeded" : "Failed";
  if (initial === "pending" || waiting.length > 0) return "Pending";
  return "Running";
}

/** Whether a container runs or has ended: the pod was initialized then, whatever its sidecars do now. */
export function hasBegun(apps: readonly ContainerStatus[]): boolean {
  return apps.some(({ state }) => state?.running ?? state?.terminated);
}

function allSucceeded(apps: readonly ContainerStatus[]): boolean {
  return apps.every((each) => each.state?.terminated?.exitCode === 0);
}

/** `pending`: init containers have work left; `failed`: one of them failed and does not run again. */
function initPhase(pod: Pod, statuses: readonly ContainerStatus[], appsBegan: boolean): "pending" | "failed" | "done" {
  let pending = false;
  for (const { kind, spec } of initContainersOf(pod)) {
    const status = statuses.find((each) => each.name === spec.name);
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined);
    if (kind === "sidecar") {
      // A sidecar that ended is restarted and says nothing about the phase.
      if (!appsBegan && !ended && !(status?.state?.running && status.started)) pending = true;
      continue;
    }
    if (!ended) pending = true;
    else if (ended.exitCode !== 0) {
      const container = findContainer(pod, spec.name)!;
      if (!restartsAfter(pod, container, ended.exitCode)) return "failed";
      pending = true;
    }
  }
  return pending ? "pending" : "done";
}
