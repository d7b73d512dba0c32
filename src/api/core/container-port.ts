import type { Container, Pod } from "../types.generated.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";

/** The containers that serve while the pod runs: the regular ones, then the sidecars. */
export function servingContainers(pod: Pod): readonly Container[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(isRestartableInitContainer);
  return sidecars.length === 0 ? pod.spec.containers : [...pod.spec.containers, ...sidecars];
}

/** The port of one container under a name or number, as probes and lifecycle hooks refer to it. */
export function findContainerPort(container: Container, port: number | string): number | undefined {
  if (typeof port === "number") return port;
  const named = container.ports?.find((each) => each.name === port);
  if (named) return named.containerPort;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}
