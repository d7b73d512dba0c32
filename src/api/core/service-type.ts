import type { Service, ServiceSpec } from "../types.generated.ts";

/** Whether the service has addresses of its own in the cluster (or is headless), rather than a name elsewhere. */
export function hasClusterIp(spec: ServiceSpec): boolean {
  return spec.type === "ClusterIP" || spec.type === "NodePort" || spec.type === "LoadBalancer";
}

/** Whether the service is reached from outside the cluster. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === "LoadBalancer" ||
    spec.type === "NodePort" ||
    (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0)
  );
}

/** Whether the service's ports can be open on every node. */
export function mayHaveNodePorts(spec: ServiceSpec): boolean {
  return spec.type === "NodePort" || spec.type === "LoadBalancer";
}

/** Whether a port of the service that names no port of the nodes is given one. */
export function needsNodePorts(spec: ServiceSpec): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
}

/** Whether nodes tell a load balancer if they have endpoints of the service. */
export function needsHealthCheckPort(spec: ServiceSpec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

/** Whether the service has no address of its own: its name resolves to its endpoints. */
export function isHeadless(service: Pick<Service, "spec">): boolean {
  return service.spec.clusterIPs?.length === 1 && service.spec.clusterIPs[0] === "None";
}

/** Whether the service is a name for endpoints that somebody else writes: those may be of any family. */
export function isHeadlessWithoutSelector({ clusterIP, selector }: ServiceSpec): boolean {
  return clusterIP === "None" && Object.keys(selector ?? {}).length === 0;
}
