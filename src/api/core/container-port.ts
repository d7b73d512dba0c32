import type { Container, Pod, ServicePort } from "../types.generated.ts";
import { isRestartableInitContainer } from "./pod-resources.ts";

/** The containers that serve while the pod runs: the regular ones, then the sidecars. */
export function servingContainers(pod: Pod): readonly Container[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(isRestartableInitContainer);
  return sidecars.length === 0 ? pod.spec.containers : [...pod.spec.containers, ...sidecars];
}

/**
 * The port of the pod that a service's port leads to; a name is looked up among the containers' ports.
 * Undefined when the pod has no such port.
 */
export function findTargetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const protocol = port.protocol ?? "TCP";
  for (const container of servingContainers(pod)) {
    const found = container.ports?.find((each) => each.name === target && (each.protocol ?? "TCP") === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

/** The port of one container under a name or number, as probes and lifecycle hooks refer to it. */
export function findContainerPort(container: Container, port: number | string): number | undefined {
  if (typeof port === "number") return port;
  const named = container.ports?.find((each) => each.name === port);
  if (named) return named.containerPort;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}
