import { type Pod, restartsAfterExit } from "../../api/index.ts";
import { containerHash, hashOf } from "../container/container-labels.ts";
import type { ContainerStatus } from "../engine/index.ts";
import type { PodContainer } from "./pod-containers.ts";
import type { PodView } from "./pod-view.ts";

/** Whether a container that ended runs again. Sidecars always do, init containers until they succeed, ephemeral never. */
export function restartsAfter(pod: Pod, container: PodContainer, exitCode: number): boolean {
  if (container.kind === "ephemeral") return false;
  const { spec } = container;
  // Success is the end, unless a rule of the container says otherwise.
  const done = container.kind === "init" && exitCode === 0;
  return restartsAfterExit(done ? { ...spec, restartPolicy: "Never" } : spec, pod.spec.restartPolicy, exitCode);
}

/** Whether the container is to be started now or later: it never ran, or it ended and runs again. */
export function shouldRun(view: PodView, container: PodContainer, latest: ContainerStatus | undefined): boolean {
  if (latest?.state !== "exited") return true;
  return isReplaced(view, container, latest) || restartsAfter(view.pod, container, latest.exitCode);
}

/** Whether it was stopped for another of its kind to take its place, which comes whatever the policy says. */
function isReplaced({ busy }: PodView, container: PodContainer, latest: ContainerStatus): boolean {
  return busy.stopping.has(latest.id) && hasOtherDefinition(container, latest);
}

/** Whether the container was made from what the pod does not say any more. */
export function hasOtherDefinition({ spec }: PodContainer, { annotations }: ContainerStatus): boolean {
  const hash = hashOf(annotations);
  return hash !== undefined && hash !== containerHash(spec);
}
