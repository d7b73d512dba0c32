import { ApiError, type EndpointSlice, EndpointSlices, type Node, Nodes, Pods, Services } from "../api/index.ts";
import { also, type Cache, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { managedBy, managedByLabel, planEndpointSlices, type SlicePlan } from "./endpoint-slice-plan.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { podsByNode } from "./pods-by-node.ts";
import { hasSelectedEndpoints, selects, serviceNameLabel, servicesOf } from "./service-endpoints.ts";

const zoneLabel = "topology.kubernetes.io/zone";
const byService = "service";

/** Keeps the EndpointSlices of each Service that has a selector. Those of a deleted one go as its dependents. */
export const endpointSliceController = defineController({
  name: "endpoint-slice-controller",
  watches: {
    for: Services,
    also: [also(Pods, servicesOf), also(EndpointSlices, serviceOf), also(Nodes, servicesOnNode)],
  },
  indexes: [podsByNode, { resource: EndpointSlices, name: byService, values: serviceOf }],
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
    });
    await carryOut(context, plan);
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

/** When a node gets another zone, so do the endpoints on it. */
function* servicesOnNode(node: Node, cache: Cache, old: Node | undefined): Iterable<string> {
  if (zoneOf(node) === zoneOf(old)) return;
  for (const pod of cache.byIndex(Pods, podsByNode.name, node.metadata.name)) yield* servicesOf(pod, cache, undefined);
}

async function carryOut({ client }: ReconcileContext, plan: SlicePlan): Promise<void> {
  try {
    for (const slice of plan.create) await client.create(EndpointSlices, slice);
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    throw error;
  }
  for (const slice of plan.update) await client.update(EndpointSlices, slice);
  for (const { metadata } of plan.remove) {
    try {
      await client.delete(EndpointSlices, metadata);
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }
}
