// How the fields of a service that name its addresses follow each other, by the rules of
// k8s.io/kubernetes/pkg/registry/core/service/storage: what was allocated stays unless the client says otherwise.
import { type Draft, deepEqual } from "../../lib/index.ts";
import { parseIp } from "../meta/ip.ts";
import type { Service, ServiceSpec } from "../types.generated.ts";
import {
  hasClusterIp,
  isExternallyAccessible,
  isHeadlessWithoutSelector,
  mayHaveNodePorts,
  needsHealthCheckPort,
  needsNodePorts,
} from "./service-type.ts";

/** clusterIP is the first of clusterIPs: whichever the client wrote or changed leads. */
export function normalizeClusterIps(service: Draft<Service>, old?: Service): void {
  const { spec } = service;
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const sameIp = (spec.clusterIP ?? "") === (old.spec.clusterIP ?? "");
  const sameIps = deepEqual(spec.clusterIPs ?? [], old.spec.clusterIPs ?? []);
  if (!sameIp && sameIps) {
    if (!spec.clusterIP) delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
  } else if (sameIp && !sameIps && !spec.clusterIPs?.length) delete spec.clusterIP;
}

/**
 * The address families of a service that names none: those of its addresses, else the cluster's, IPv4; and both of a
 * service that is only a name. Addresses of other families are left for the allocation to refuse.
 */
export function fillServiceAddressFields({ spec }: Draft<Service>, old?: Service): void {
  if (!hasClusterIp(spec)) return;
  const isOnlyName = isHeadlessWithoutSelector(spec);
  spec.ipFamilyPolicy ??= old?.spec.ipFamilyPolicy ?? (isOnlyName ? "RequireDualStack" : "SingleStack");
  const families = [...(spec.ipFamilies ?? [])];
  for (const ip of (spec.clusterIPs ?? []).slice(families.length))
    if (parseIp(ip)?.family === 4 && !families.includes("IPv4")) families.push("IPv4");
  const isAddressed = (spec.clusterIPs ?? []).some((ip) => ip !== "None");
  if (families.length === 0 && !isAddressed) families.push("IPv4");
  if (isOnlyName && families.length === 1 && spec.ipFamilyPolicy !== "SingleStack")
    families.push(families[0] === "IPv4" ? "IPv6" : "IPv4");
  if (families.length > 0) spec.ipFamilies = families;
}

/** An external name may be written with a policy for traffic inside the cluster, but is never read with one. */
export function dropUnreadableFields({ spec }: Draft<Service>): void {
  const { internalTrafficPolicy: policy } = spec;
  // Any other value is left for the validation to refuse.
  if (spec.type === "ExternalName" && (policy === "Cluster" || policy === "Local")) delete spec.internalTrafficPolicy;
}

/** An update that leaves out what was allocated keeps it; one that makes it pointless drops it. */
export function keepAllocatedFields(service: Draft<Service>, old: Service): void {
  keepAllocated(service.spec, old.spec);
  normalizeClusterIps(service, old);
  dropPointless(service.spec, old.spec);
  releaseSecondary(service.spec, old.spec);
}

function keepAllocated(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (hasClusterIp(old) && hasClusterIp(spec)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.clusterIP && old.clusterIPs)
      spec.clusterIPs = [...old.clusterIPs];
  }
  if (mayHaveNodePorts(old) && needsNodePorts(spec)) {
    // A port is told by its name, whatever else of it changed.
    const before = new Map((old.ports ?? []).map(({ name = "", nodePort }) => [name, nodePort]));
    const used = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
    for (const port of spec.ports ?? []) {
      const nodePort = before.get(port.name ?? "");
      if (port.nodePort || !nodePort || used.has(nodePort)) continue;
      port.nodePort = nodePort;
      used.add(nodePort);
    }
  }
  if (needsHealthCheckPort(old) && needsHealthCheckPort(spec) && old.healthCheckNodePort)
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
}

/** Fields that the old type needed and the new one forbids go, unless the client changed them as well. */
function dropPointless(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  const unchanged = (...fields: (keyof ServiceSpec)[]) => fields.every((field) => deepEqual(spec[field], old[field]));
  if (hasClusterIp(old) && !hasClusterIp(spec)) {
    if (unchanged("clusterIP", "clusterIPs")) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (unchanged("ipFamilies")) delete spec.ipFamilies;
    if (unchanged("ipFamilyPolicy")) delete spec.ipFamilyPolicy;
  }
  if (mayHaveNodePorts(old) && !mayHaveNodePorts(spec) && sameNodePorts(spec, old))
    for (const port of spec.ports ?? []) delete port.nodePort;
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(spec) && unchanged("healthCheckNodePort"))
    delete spec.healthCheckNodePort;
  if (old.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    if (unchanged("allocateLoadBalancerNodePorts")) delete spec.allocateLoadBalancerNodePorts;
    if (unchanged("loadBalancerClass")) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(spec) && unchanged("externalTrafficPolicy"))
    delete spec.externalTrafficPolicy;
}

/** Whether every node port that is set was set before. */
function sameNodePorts(spec: ServiceSpec, old: ServiceSpec): boolean {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
  return (spec.ports ?? []).every(({ nodePort }) => !nodePort || before.has(nodePort));
}

/** A service that goes from two address families to one gives up the second address. */
function releaseSecondary(spec: Draft<ServiceSpec>, old: ServiceSpec): void {
  if (!hasClusterIp(old) || !hasClusterIp(spec) || spec.ipFamilyPolicy !== "SingleStack") return;
  if (deepEqual(spec.clusterIPs, old.clusterIPs) && spec.clusterIPs) spec.clusterIPs = spec.clusterIPs.slice(0, 1);
  if (deepEqual(spec.ipFamilies, old.ipFamilies) && spec.ipFamilies) spec.ipFamilies = spec.ipFamilies.slice(0, 1);
}
