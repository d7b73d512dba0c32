import type { Container } from "../types.generated.ts";

type RestartSettings = Pick<Container, "restartPolicy" | "restartPolicyRules">;

/**
 * Whether a container that ended with `exitCode` is to run again: its own rules come before its own policy, and that
 * before the pod's. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */
export function restartsAfterExit(container: RestartSettings, podPolicy = "Always", exitCode: number): boolean {
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    if (action !== "Restart") continue;
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes?.operator === "NotIn" ? !listed : listed) return true;
  }
  const policy = container.restartPolicy ?? podPolicy;
  return policy === "Never" ? false : policy === "OnFailure" ? exitCode !== 0 : true;
}
