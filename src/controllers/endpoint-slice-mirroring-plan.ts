// Which EndpointSlices say what somebody's own Endpoints say: pkg/controller/endpointslicemirroring/reconciler.go.
import {
  type DiscoveryEndpointPort,
  type Endpoint,
  type EndpointAddress,
  type EndpointPort,
  type EndpointSlice,
  type Endpoints,
  EndpointsResource,
  isIpv4,
  isIpv6,
  lastAppliedAnnotation,
  newControllerReference,
  serviceNameLabel,
  sliceManagedByLabel,
} from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import type { SlicePlan } from "./endpoint-slice-writes.ts";
import { repacked } from "./endpoint-subsets.ts";

export const mirroredBy = "endpointslicemirroring-controller.k8s.io";
/** kube-controller-manager's --mirroring-max-endpoints-per-subset. */
export const addressesPerSubsetMax = 1000;

/** What clients and tools note on Endpoints for themselves. */
const ownAnnotations = ["endpoints.kubernetes.io/last-change-trigger-time", lastAppliedAnnotation];

export interface MirrorPlan extends SlicePlan {
  readonly invalidAddresses: number;
  /** The invalid ones among them. */
  readonly skippedAddresses: number;
}

interface Group {
  readonly addressType: string;
  readonly ports: readonly DiscoveryEndpointPort[];
  /** By what makes it one endpoint. */
  readonly endpoints: Map<string, Endpoint>;
}

export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[]): MirrorPlan {
  const { groups, ...counts } = groupsOf(endpoints);
  const metadata = mirroredMetadata(endpoints);
  const free = new Set(existing);
  const take = (fits: (slice: EndpointSlice) => boolean) => {
    const found = [...free].find(fits);
    if (found) free.delete(found);
    return found;
  };
  const wanted = [...groups].filter(([, { endpoints: all }]) => all.size > 0);
  const matched = wanted.map(([key, group]) => ({ group, slice: take((each) => keyOf(each) === key) }));
  const create: SlicePlan["create"][number][] = [];
  const update: EndpointSlice[] = [];
  for (const { group, slice: own } of matched) {
    const { addressType, ports } = group;
    // One that nobody needs is filled anew, which spares a creation and a deletion.
    const slice = own ?? take((each) => each.addressType === addressType);
    const content = { addressType, ports, endpoints: [...group.endpoints.values()] };
    if (!slice) {
      const { name, namespace = "" } = endpoints.metadata;
      create.push({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { generateName: `${name}-`, namespace, ...metadata },
        ...content,
      });
    } else if (!says(slice, content, metadata))
      update.push({ ...slice, ...content, metadata: { ...slice.metadata, ...metadata } });
  }
  return { create, update, remove: [...free], ...counts };
}

function says(slice: EndpointSlice, content: object, { labels, annotations }: ReturnType<typeof mirroredMetadata>) {
  const { addressType } = slice;
  const ports = slice.ports ?? [];
  const endpoints = slice.endpoints ?? [];
  return (
    deepEqual({ addressType, ports, endpoints }, content) &&
    deepEqual(slice.metadata.labels ?? {}, labels) &&
    deepEqual(slice.metadata.annotations ?? {}, annotations)
  );
}

function groupsOf({ subsets = [] }: Endpoints) {
  const groups = new Map<string, Group>();
  let [invalidAddresses, skippedAddresses] = [0, 0];
  for (const { addresses = [], notReadyAddresses = [], ports: subsetPorts = [] } of repacked(subsets)) {
    const ports = subsetPorts.map(portOf);
    let added = 0;
    for (const [address, ready] of [
      ...addresses.map((each) => [each, true] as const),
      ...notReadyAddresses.map((each) => [each, false] as const),
    ]) {
      if (added === addressesPerSubsetMax) break;
      const addressType = addressTypeOf(address.ip);
      if (addressType === undefined) {
        invalidAddresses++;
        continue;
      }
      added++;
      const key = keyOf({ addressType, ports });
      const group = groups.get(key) ?? { addressType, ports, endpoints: new Map() };
      groups.set(key, group);
      const { ip, hostname = "", nodeName = "", targetRef } = address;
      group.endpoints.set(JSON.stringify([ip, hostname, nodeName, targetRef?.uid]), endpointOf(address, ready));
    }
    skippedAddresses += addresses.length + notReadyAddresses.length - added;
  }
  return { groups, invalidAddresses, skippedAddresses };
}

/** The same text for the same kind of addresses and the same ports. */
function keyOf({ addressType, ports }: Pick<EndpointSlice, "addressType" | "ports">): string {
  const facts = (ports ?? []).map(({ name = "", protocol = "TCP", port, appProtocol }) => [
    name,
    protocol,
    port,
    appProtocol,
  ]);
  return JSON.stringify([addressType, facts]);
}

function addressTypeOf(ip: string): string | undefined {
  // Both tell what is wrong.
  if (isIpv4(ip).length === 0) return "IPv4";
  return isIpv6(ip).length === 0 ? "IPv6" : undefined;
}

function portOf({ name = "", port, protocol = "TCP", appProtocol }: EndpointPort): DiscoveryEndpointPort {
  return { name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef ? { targetRef } : {}),
  };
}

function mirroredMetadata(endpoints: Endpoints) {
  const { name, labels, annotations = {} } = endpoints.metadata;
  return {
    labels: { ...labels, [serviceNameLabel]: name, [sliceManagedByLabel]: mirroredBy },
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => !ownAnnotations.includes(key))),
    ownerReferences: [newControllerReference(endpoints, EndpointsResource)],
  };
}
