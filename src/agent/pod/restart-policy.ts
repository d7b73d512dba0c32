import type { Pod } from "../../api/index.ts";
import type { ContainerStatus } from "../engine/index.ts";
import type { PodContainer } from "./pod-containers.ts";

/**
 * Whether a container that ended runs again: its own rules and policy come before the pod's. Sidecars always do, init
 * containers until they succeed, ephemeral containers never.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */
export function restartsAfter(pod: Pod, container: PodContainer, exitCode: number): boolean {
  if (container.kind === "ephemeral") return false;
  const { spec } = container;
  for (const rule of spec.restartPolicyRules ?? []) {
    if (rule.action !== "Restart") continue;
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    if (rule.exitCodes?.operator === "NotIn" ? !listed : listed) return true;
  }
  const policy = spec.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  if (container.kind === "init" && exitCode === 0) return false;
  return policy === "Never" ? false : policy === "OnFailure" ? exitCode !== 0 : true;
}

/** Whether the container is to be started now or later: it never ran, or it ended and runs again. */
export function shouldRun(pod: Pod, container: PodContainer, latest: ContainerStatus | undefined): boolean {
  if (latest?.state !== "exited") return true;
  return restartsAfter(pod, container, latest.exitCode);
}
