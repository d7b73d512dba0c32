import type { Draft } from "../../lib/index.ts";
import { ageColumn, formatLabels, nameColumn } from "../columns.ts";
import { nameIsDns1035Label } from "../meta/names.ts";
import { defineResource } from "../resource.ts";
import type { LoadBalancerStatus, Service, ServicePort } from "../types.generated.ts";
import {
  dropUnreadableFields,
  fillServiceAddressFields,
  keepAllocatedFields,
  normalizeClusterIps,
} from "./service-fields.ts";
import { isExternallyAccessible } from "./service-type.ts";
import { validateService, validateServiceStatusUpdate, validateServiceUpdate } from "./service-validation.ts";
import { serviceWarnings } from "./service-warnings.ts";

/** On the endpoints of a Service that has no cluster IP. */
export const headlessLabel = "service.kubernetes.io/headless";

export const Services = defineResource<Service>({
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Type", type: "string", of: ({ spec }) => spec.type ?? "" },
    { name: "Cluster-IP", type: "string", of: ({ spec }) => spec.clusterIPs?.[0] ?? "<none>" },
    { name: "External-IP", type: "string", of: externalIpCell },
    { name: "Port(s)", type: "string", of: ({ spec }) => (spec.ports ?? []).map(portText).join(",") || "<none>" },
    ageColumn,
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => formatLabels(spec.selector) },
  ],
  selectableFields: {
    "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "",
    "spec.type": ({ spec }) => spec.type ?? "",
  },
  hasGeneration: false,
  allowsCreateOnUpdate: true,
  defaults: defaultService,
  prepareForCreate: (service) => {
    normalizeClusterIps(service);
    fillServiceAddressFields(service);
    dropUnreadableFields(service);
  },
  prepareForUpdate: (service, old) => {
    keepAllocatedFields(service, old);
    fillServiceAddressFields(service, old);
    dropUnreadableFields(service);
    // That the load balancer goes away takes its time, which is nobody's concern.
    if (service.spec.type !== "LoadBalancer") service.status = { ...service.status, loadBalancer: {} };
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatusUpdate,
  validateName: nameIsDns1035Label,
  warnings: serviceWarnings,
});

/** Three hours: how long a client's affinity to an endpoint lasts. */
const defaultAffinitySeconds = 10_800;

function defaultService({ spec, status }: Draft<Service>): void {
  spec.sessionAffinity ||= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: defaultAffinitySeconds } };
  spec.type ||= "ClusterIP";
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP";
    port.targetPort ||= port.port;
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= "Cluster";
  if (spec.type !== "ExternalName") spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type !== "LoadBalancer") return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
}

/** The addresses under which a load balancer is reached, sorted: `10.0.0.1,lb.example.com`. */
export function loadBalancerAddresses(status: Pick<LoadBalancerStatus, "ingress"> | undefined): string {
  const addresses = (status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  return [...new Set(addresses.filter((address) => address !== ""))].sort().join(",");
}

function externalIpCell({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case "ClusterIP":
    case "NodePort":
      return external.join(",") || "<none>";
    case "LoadBalancer": {
      const addresses = loadBalancerAddresses(status.loadBalancer);
      return [...(addresses === "" ? [] : [addresses]), ...external].join(",") || "<pending>";
    }
    case "ExternalName":
      return spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portText({ port, nodePort, protocol }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}
