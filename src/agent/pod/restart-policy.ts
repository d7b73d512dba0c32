import { type Pod, restartsAfterExit } from "../../api/index.ts";
import type { ContainerStatus } from "../engine/index.ts";
import type { PodContainer } from "./pod-containers.ts";

/** Whether a container that ended runs again. Sidecars always do, init containers until they succeed, ephemeral never. */
export function restartsAfter(pod: Pod, container: PodContainer, exitCode: number): boolean {
  if (container.kind === "ephemeral") return false;
  const { spec } = container;
  // Success is the end, unless a rule of the container says otherwise.
  const done = container.kind === "init" && exitCode === 0;
  return restartsAfterExit(done ? { ...spec, restartPolicy: "Never" } : spec, pod.spec.restartPolicy, exitCode);
}

/** Whether the container is to be started now or later: it never ran, or it ended and runs again. */
export function shouldRun(pod: Pod, container: PodContainer, latest: ContainerStatus | undefined): boolean {
  if (latest?.state !== "exited") return true;
  return restartsAfter(pod, container, latest.exitCode);
}
