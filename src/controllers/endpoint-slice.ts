import { type EndpointSlice, EndpointSlices, type Node, Nodes, Pods, type Service, Services } from "../api/index.ts";
import { also, type Cache, defineController, keyOf } from "../client/index.ts";
import { sharesByZone, zoneFacts, zoneLabel, zoneShares } from "./endpoint-slice-hints.ts";
import { managedBy, managedByLabel, planEndpointSlices } from "./endpoint-slice-plan.ts";
import { writeSlices } from "./endpoint-slice-writes.ts";
import { podsByNode } from "./pods-by-node.ts";
import { hasSelectedEndpoints, selects, serviceNameLabel, servicesOf } from "./service-endpoints.ts";

const byService = "service";
const bySharing = "shares-by-zone";

/** Keeps the EndpointSlices of each Service that has a selector. Those of a deleted one go as its dependents. */
export const endpointSliceController = defineController({
  name: "endpoint-slice-controller",
  watches: {
    for: Services,
    also: [also(Pods, servicesOf), also(EndpointSlices, serviceOf), also(Nodes, servicesOnNode)],
  },
  indexes: [
    podsByNode,
    { resource: EndpointSlices, name: byService, values: serviceOf },
    { resource: Services, name: bySharing, values: (service: Service) => (sharesByZone(service) ? ["yes"] : []) },
  ],
  async reconcile(context, key) {
    const { cache } = context;
    const service = cache.get(Services, key);
    if (!service || service.metadata.deletionTimestamp !== undefined || !hasSelectedEndpoints(service)) return;
    const plan = planEndpointSlices({
      service,
      pods: cache.list(Pods, service.metadata.namespace).filter(({ metadata }) => selects(service, metadata.labels)),
      existing: cache
        .byIndex(EndpointSlices, byService, keyOf(service))
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined),
      zoneOf: (nodeName) => zoneOf(cache.get(Nodes, nodeName)),
      zoneShares: () => zoneShares(cache.list(Nodes)),
    });
    for (const { enabled, message } of plan.hints) {
      if (enabled) context.events.normal(service, "TopologyAwareHintsEnabled", message);
      else context.events.warning(service, "TopologyAwareHintsDisabled", message);
    }
    await writeSlices(context, plan);
  },
});

/** The service that a slice of this controller belongs to. */
function* serviceOf({ metadata }: EndpointSlice): Iterable<string> {
  const { [serviceNameLabel]: service, [managedByLabel]: by } = metadata.labels ?? {};
  if (service !== undefined && by === managedBy) yield `${metadata.namespace}/${service}`;
}

function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata.labels?.[zoneLabel];
}

/** When a node gets another zone, so do the endpoints on it; what it has of its zone's processors counts for some services. */
function* servicesOnNode(node: Node, cache: Cache, old: Node | undefined): Iterable<string> {
  if (!old || zoneFacts(node) !== zoneFacts(old)) yield* cache.byIndex(Services, bySharing, "yes").map(keyOf);
  if (zoneOf(node) === zoneOf(old)) return;
  for (const pod of cache.byIndex(Pods, podsByNode.name, node.metadata.name)) yield* servicesOf(pod, cache, undefined);
}
