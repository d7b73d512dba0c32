// Which EndpointSlices a Service shall have: a pure function, sparing with changes, for every change goes to all nodes.
// The rules are those of k8s.io/endpointslice/reconciler.go.
import {
  type DiscoveryEndpointPort,
  type Endpoint,
  type EndpointHints,
  type EndpointSlice,
  isControlledBy,
  isPodReady,
  type NewObject,
  type Node,
  newControllerReference,
  type Pod,
  type Service,
  Services,
  serviceNameLabel,
  sliceManagedByLabel,
  zoneLabel,
} from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import { nearHints, type SharedOut, sharesByZone, type ZoneShares, zonesInShares } from "./endpoint-slice-hints.ts";
import type { SlicePlan } from "./endpoint-slice-writes.ts";
import {
  addressIn,
  hasEndpoint,
  hostnameIn,
  ipFamiliesOf,
  labelsOfEndpoints,
  podReference,
  targetPort,
} from "./service-endpoints.ts";

export const managedBy = "endpointslice-controller.k8s.io";
/** kube-controller-manager's --max-endpoints-per-slice. */
const endpointsMax = 100;

export interface SliceView {
  readonly service: Service;
  /** Those that the service selects. */
  readonly pods: readonly Pod[];
  readonly existing: readonly EndpointSlice[];
  readonly nodeOf: (nodeName: string) => Node | undefined;
  /** Asked for only where the service wants its endpoints shared out to zones. */
  readonly zoneShares: () => ZoneShares;
}

export interface EndpointSlicePlan extends SlicePlan {
  /** What is to be told of hints that the service's annotation asks for. */
  readonly hints: readonly { readonly enabled: boolean; readonly message: string }[];
  /** How endpoints were shared out to zones, where the annotation asks for that. */
  readonly shared: readonly SharedOut[];
  /** Pods that have no endpoints because their nodes are not there. */
  readonly skipped: readonly Pod[];
}

/** Endpoints that have the same ports share slices. */
interface Group {
  readonly ports: readonly DiscoveryEndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** A slice as it shall become; without `existing` it is new. */
interface Draft {
  readonly addressType: string;
  readonly existing?: EndpointSlice;
  readonly ports: readonly DiscoveryEndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export function planEndpointSlices(given: SliceView): EndpointSlicePlan {
  const { service, existing } = given;
  const skipped = given.pods.filter((pod) => isLost(given, pod));
  const pods = given.pods.filter((pod) => !isLost(given, pod));
  // Those of a service that had the name before are not filled anew: the garbage collector is about to delete them.
  const view = { ...given, pods, existing: existing.filter((slice) => isControlledBy(slice, service)) };
  const hints: EndpointSlicePlan["hints"][number][] = [];
  const shared: SharedOut[] = [];
  const drafts = ipFamiliesOf(service).flatMap((family) => {
    const hinted = hintedDrafts(view, draftsOf(view, family));
    if (hinted.message !== undefined)
      hints.push({ enabled: hinted.enabled, message: `${hinted.message}, addressType: ${family}` });
    if (hinted.shared) shared.push(hinted.shared);
    return hinted.drafts;
  });
  const kept = new Set(drafts.flatMap((draft) => draft.existing ?? []));
  const labels = sliceLabels(service);
  const create: NewObject<EndpointSlice>[] = [];
  const update: EndpointSlice[] = [];
  for (const { addressType, existing: slice, ports, endpoints } of drafts) {
    if (!slice) {
      create.push({ ...newSlice(service, labels), addressType, ports, endpoints });
      continue;
    }
    const unchanged =
      deepEqual(slice.ports ?? [], ports) &&
      deepEqual(slice.endpoints ?? [], endpoints) &&
      deepEqual(slice.metadata.labels, labels);
    if (!unchanged) update.push({ ...slice, metadata: { ...slice.metadata, labels }, ports, endpoints });
  }
  return { create, update, remove: existing.filter((slice) => !kept.has(slice)), hints, shared, skipped };
}

/** Whether the pod's node is not there; who publishes also what is not ready publishes the pod all the same. */
function isLost({ service, nodeOf }: SliceView, pod: Pod): boolean {
  if (service.spec.publishNotReadyAddresses || !hasEndpoint(pod)) return false;
  return nodeOf(pod.spec.nodeName ?? "") === undefined;
}

/** The drafts with hints in their endpoints, and what is to be told of that. */
function hintedDrafts(view: SliceView, drafts: readonly Draft[]) {
  const { service } = view;
  const withHints = (hintsOf: (endpoint: Endpoint) => EndpointHints | undefined) =>
    drafts.map((draft) => ({
      ...draft,
      endpoints: draft.endpoints.map((endpoint) => {
        const hints = hintsOf(endpoint);
        return hints ? { ...endpoint, hints } : endpoint;
      }),
    }));
  if (!sharesByZone(service)) return { drafts: withHints((each) => nearHints(service, each)), enabled: false };
  const before = new Map<string | undefined, string>();
  for (const { targetRef, hints } of view.existing.flatMap(({ endpoints }) => endpoints ?? [])) {
    const [zone] = hints?.forZones ?? [];
    if (zone) before.set(targetRef?.uid, zone.name);
  }
  const endpoints = drafts.flatMap((draft) => draft.endpoints);
  const zones = zonesInShares(endpoints, view.zoneShares(), ({ targetRef }) => before.get(targetRef?.uid));
  const ready = endpoints.filter(({ conditions }) => conditions?.ready === true).length;
  const shared: SharedOut = { ready, zones };
  if (typeof zones === "string") return { drafts, enabled: false, shared, message: zones };
  const byEndpoint = new Map(endpoints.map((endpoint, index) => [endpoint, zones.get(index)]));
  return {
    drafts: withHints((endpoint) => {
      const zone = byEndpoint.get(endpoint);
      return zone === undefined ? undefined : { forZones: [{ name: zone }] };
    }),
    enabled: true,
    shared,
    ...(before.size === 0 ? { message: "Topology Aware Hints has been enabled" } : {}),
  };
}

function draftsOf(view: SliceView, family: string): readonly Draft[] {
  const existing = view.existing
    .filter(({ addressType }) => addressType === family)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const drafts = [...groupsOf(view, family)].flatMap(([key, group]) => {
    const slices = existing.filter(({ ports }) => portsText(ports ?? []) === key);
    return placed(group, slices, family);
  });
  // A service without endpoints has one empty slice: it says so, where none would say nothing.
  if (drafts.length === 0) drafts.push({ addressType: family, ports: [], endpoints: [] });
  const used = new Set(drafts.flatMap((draft) => draft.existing ?? []));
  const free = existing.filter((slice) => !used.has(slice));
  // Filling a slice that nobody needs spares a creation and a deletion.
  return drafts.map((draft) => {
    const reused = draft.existing ?? free.shift();
    return reused === undefined ? draft : { ...draft, existing: reused };
  });
}

/** The endpoints of the selected pods, by the text of their ports. */
function groupsOf({ service, pods, nodeOf }: SliceView, family: string): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    if (!hasEndpoint(pod)) continue;
    const address = addressIn(family, pod);
    if (address === undefined) continue;
    const ports = portsOf(service, pod);
    const key = portsText(ports);
    const group = groups.get(key) ?? { ports, endpoints: new Map() };
    groups.set(key, group);
    group.endpoints.set(pod.metadata.uid, endpointOf(service, pod, address, nodeOf));
  }
  return groups;
}

/** The same text for the same ports. */
function portsText(ports: readonly DiscoveryEndpointPort[]): string {
  return JSON.stringify(ports.map(({ name, protocol, port, appProtocol }) => [name, protocol, port, appProtocol]));
}

function portsOf(service: Service, pod: Pod): readonly DiscoveryEndpointPort[] {
  return (service.spec.ports ?? []).flatMap((each) => {
    const port = targetPort(pod, each);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = each;
    return [{ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function endpointOf(service: Service, pod: Pod, address: string, nodeOf: SliceView["nodeOf"]): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { nodeName } = pod.spec;
  const zone = nodeOf(nodeName ?? "")?.metadata.labels?.[zoneLabel];
  const hostname = hostnameIn(service, pod);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: podReference(pod),
    ...(zone ? { zone } : {}),
  };
}

/** Spreads a group over its slices: who is there stays, newcomers go where a change is due anyway, then where all have room. */
function placed({ ports, endpoints }: Group, slices: readonly EndpointSlice[], addressType: string): readonly Draft[] {
  const left = new Map(endpoints);
  const drafts = slices.map((existing) => {
    // Hints come last, and change nothing about where an endpoint is.
    const before = (existing.endpoints ?? []).map(({ hints: _hints, ...each }) => each);
    const after = before.flatMap((each) => {
      const uid = each.targetRef?.uid ?? "";
      const endpoint = left.get(uid);
      left.delete(uid);
      return endpoint ? [endpoint] : [];
    });
    return { existing, endpoints: after, isChanged: !deepEqual(before, after) };
  });
  drafts.sort((a, b) => b.endpoints.length - a.endpoints.length);
  const newcomers = [...left.values()];
  for (const { isChanged, endpoints: own } of drafts)
    if (isChanged) own.push(...newcomers.splice(0, endpointsMax - own.length));
  // One change of a slice that has room for the rest, or new slices: never two changes where one will do.
  const rest = newcomers.length % endpointsMax;
  const roomy = drafts.find((each) => !each.isChanged && each.endpoints.length + rest <= endpointsMax);
  if (roomy && rest > 0) roomy.endpoints.push(...newcomers.splice(-rest));
  const filled: Draft[] = drafts
    .filter(({ endpoints }) => endpoints.length > 0)
    .map(({ existing, endpoints }) => ({ addressType, existing, ports, endpoints }));
  while (newcomers.length > 0) filled.push({ addressType, ports, endpoints: newcomers.splice(0, endpointsMax) });
  return filled;
}

/** Those of the service, and by whom and for what the slice is. */
function sliceLabels(service: Service): Readonly<Record<string, string>> {
  const own = { [serviceNameLabel]: service.metadata.name, [sliceManagedByLabel]: managedBy };
  return { ...labelsOfEndpoints(service), ...own };
}

function newSlice(service: Service, labels: Readonly<Record<string, string>>) {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ownerReferences: [newControllerReference(service, Services)],
    },
  };
}
