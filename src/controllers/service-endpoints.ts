// Which pods serve a Service, and on which ports: what Endpoints and EndpointSlices have in common.
import {
  containsLabels,
  headlessLabel,
  isPodReady,
  type ObjectReference,
  type Pod,
  type Service,
  type ServicePort,
  Services,
  servingContainers,
} from "../api/index.ts";
import { type Cache, type Key, keyOf } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { candidatesFor, podsWith, selectorIndex } from "./selection.ts";

/** What the service's endpoints bear of its labels; whether it is headless is theirs to say. */
export function labelsOfEndpoints(service: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _headless, ...own } = service.metadata.labels ?? {};
  return { ...own, ...(isHeadless(service) ? { [headlessLabel]: "" } : {}) };
}

/** Whether the endpoints of the service follow from its selector; those of the others are their makers' business. */
export function hasSelectedEndpoints({ spec }: Service): boolean {
  return spec.type !== "ExternalName" && Object.keys(spec.selector ?? {}).length > 0;
}

export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === "None";
}

export function selects({ spec }: Service, labels: Readonly<Record<string, string>> | undefined): boolean {
  const selector = spec.selector ?? {};
  return Object.keys(selector).length > 0 && containsLabels(labels, selector);
}

/** Whether the pod can have endpoints at all: it has an address and has not ended. */
export function hasEndpoint({ status }: Pod): boolean {
  return status.phase !== "Failed" && status.phase !== "Succeeded" && Boolean(status.podIP);
}

/** The pod's addresses, the primary one first. */
export function addressesOf({ status }: Pick<Pod, "status">): readonly string[] {
  const { podIP, podIPs = [] } = status;
  if (podIPs.length <= 1) return podIP ? [podIP] : [];
  return podIPs.flatMap(({ ip }) => (ip ? [ip] : []));
}

/** The name under which DNS knows the pod within the service, when the pod asks for one. */
export function hostnameIn(service: Service, { spec }: Pod): string | undefined {
  return spec.hostname && spec.subdomain === service.metadata.name ? spec.hostname : undefined;
}

/** The pod's port that the service's port means; undefined when the pod has none of that name. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target === 0 ? port.port : target;
  const protocol = port.protocol ?? "TCP";
  for (const container of servingContainers(pod)) {
    for (const each of container.ports ?? []) {
      if (each.name === target && (each.protocol ?? "TCP") === protocol) return each.containerPort;
    }
  }
  return undefined;
}

/** For `servicesOf`. */
export const servicesBySelector = selectorIndex(Services, ({ spec }) => spec.selector);

/** The services whose endpoints may be others after `pod` changed from `old`. */
export function* servicesOf(pod: Pod, cache: Cache, old: Pod | undefined): Iterable<Key> {
  if (old && deepEqual(endpointFacts(pod), endpointFacts(old))) return;
  for (const each of old ? [pod, old] : [pod]) {
    for (const service of candidatesFor(cache, Services, each)) {
      if (selects(service, each.metadata.labels)) yield keyOf(service);
    }
  }
}

/** The pods that the service selects. */
export function selectedPods(service: Service, cache: Cache): readonly Pod[] {
  const { namespace = "" } = service.metadata;
  return podsWith(cache, namespace, service.spec.selector).filter(({ metadata }) => selects(service, metadata.labels));
}

/** All of a pod that its endpoints depend on; most changes of pods are others. */
function endpointFacts(pod: Pod): unknown {
  const { metadata, spec } = pod;
  return [
    metadata.uid,
    metadata.labels,
    metadata.deletionTimestamp,
    spec.nodeName,
    spec.hostname,
    spec.subdomain,
    hasEndpoint(pod),
    addressesOf(pod),
    isPodReady(pod),
  ];
}

/** How endpoints point to their pod. */
export function podReference({ metadata }: Pod): ObjectReference {
  const { name, namespace, uid } = metadata;
  return { kind: "Pod", ...(namespace === undefined ? {} : { namespace }), name, uid };
}

/** The families in which the service has endpoints. */
export function ipFamiliesOf({ spec }: Service): readonly string[] {
  return spec.ipFamilies && spec.ipFamilies.length > 0 ? spec.ipFamilies : ["IPv4"];
}

/** The pod's address in the family, `IPv4` or `IPv6`. */
export function addressIn(family: string, pod: Pod): string | undefined {
  return addressesOf(pod).find((address) => address.includes(":") === (family === "IPv6"));
}
