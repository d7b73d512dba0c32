import type { Pod } from "../../api/index.ts";
import type { PodContainer } from "./pod-containers.ts";

/** Why one container of a pod is stopped. */
export type StopCause = "finished" | "changed" | "livenessProbe" | "startupProbe";

/** The API's default for terminationGracePeriodSeconds. */
const graceSecondsDefault = 30;

/** The seconds that a container has between being asked to stop and being killed: a probe's own come before the pod's. */
export function stopGraceSeconds(pod: Pod, container: PodContainer, cause: StopCause): number {
  const ofPod =
    pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault;
  const { livenessProbe, startupProbe } = container.spec;
  if (cause === "livenessProbe") return Number(livenessProbe?.terminationGracePeriodSeconds ?? ofPod);
  if (cause === "startupProbe") return Number(startupProbe?.terminationGracePeriodSeconds ?? ofPod);
  return Number(ofPod);
}
