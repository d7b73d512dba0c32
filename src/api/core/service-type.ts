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

/** Whether the service's ports are open on every node. */
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
