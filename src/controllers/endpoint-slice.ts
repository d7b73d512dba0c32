import {
  type EndpointSlice,
  EndpointSlices,
  type NewObject,
  type Node,
  Nodes,
  Pods,
  type Service,
  Services,
  serviceNameLabel,
  sliceManagedByLabel,
  zoneLabel,
} from "../api/index.ts";
import { also, type Cache, defineController, type Key, keyOf, type ReconcileContext } from "../client/index.ts";
import { isStillFair, type SharedOut, sharesByZone, ZoneTally } from "./endpoint-slice-hints.ts";
import { type EndpointSlicePlan, managedBy, planEndpointSlices } from "./endpoint-slice-plan.ts";
import { writeSlices } from "./endpoint-slice-writes.ts";
import { TriggerTimes, withTriggerTime } from "./endpoint-trigger-times.ts";
import { podsByNode } from "./pods-by-node.ts";
import { nowAndBefore, podsByLabel } from "./selection.ts";
import {
  hasSelectedEndpoints,
  ipFamiliesOf,
  selectedPods,
  servicesBySelector,
  servicesOf,
} from "./service-endpoints.ts";

const byService = "service";

/** Keeps the EndpointSlices of each Service that has a selector. Those of a deleted one go as its dependents. */
export function endpointSliceController() {
  const triggerTimes = new TriggerTimes();
  /** The services that have hints because their annotation asked for them. */
  const sharing = new Set<Key>();
  /** How the endpoints of those that ask for it were shared out last. */
  const shared = new Map<Key, readonly SharedOut[]>();
  const tally = new ZoneTally();
  /** The services whose endpoints cannot stay for the zones that they are for since the node changed. */
  const unfair = (node: Node, cache: Cache): Key[] => {
    const { name } = node.metadata;
    if (!tally.note(name, cache.get(Nodes, name))) return [];
    const { shares } = tally;
    return [...shared].filter(([, parts]) => !parts.every((each) => isStillFair(each, shares))).map(([key]) => key);
  };
  return defineController({
    name: "endpoint-slice-controller",
    watches: {
      for: Services,
      also: [
        also(Pods, servicesOf),
        also(EndpointSlices, nowAndBefore(serviceOf)),
        also(Nodes, unfair),
        also(Nodes, servicesOnNode),
      ],
    },
    indexes: [
      podsByNode,
      podsByLabel,
      servicesBySelector,
      { resource: EndpointSlices, name: byService, values: serviceOf },
    ],
    async reconcile(context, key) {
      const { cache } = context;
      const service = cache.get(Services, key);
      if (!service) {
        triggerTimes.forget(key);
        sharing.delete(key);
        shared.delete(key);
        return;
      }
      if (service.metadata.deletionTimestamp !== undefined || !hasSelectedEndpoints(service)) return;
      const pods = selectedPods(service, cache);
      const triggerMs = triggerTimes.next(service, pods);
      const plan = planEndpointSlices({
        service,
        pods,
        existing: cache
          .byIndex(EndpointSlices, byService, key)
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined),
        nodeOf: (nodeName) => cache.get(Nodes, nodeName),
        zoneShares: () => tally.shares,
      });
      if (plan.shared.length > 0) shared.set(key, plan.shared);
      else shared.delete(key);
      await carryOut(context, service, plan, triggerMs);
      reportHints(context, service, plan, sharing);
    },
  });
}

async function carryOut(
  context: ReconcileContext,
  service: Service,
  { create, update, remove, skipped }: EndpointSlicePlan,
  triggerMs: number | undefined,
): Promise<void> {
  const owner = `Service ${keyOf(service)}`;
  const fails = (why: string) => {
    const message = `Error updating Endpoint Slices for ${owner}: ${why}`;
    context.events.warning(service, "FailedToUpdateEndpointSlices", message);
  };
  const timed = <T extends NewObject<EndpointSlice>>(slice: T): T => ({
    ...slice,
    metadata: withTriggerTime(slice.metadata, triggerMs),
  });
  await writeSlices(context, { create: create.map(timed), update: update.map(timed), remove }, owner, fails);
  if (skipped.length === 0) return;
  // They come in with their nodes.
  const lost = skipped.map(
    ({ metadata, spec }) => `skipping Pod ${metadata.name} for ${owner}: Node ${spec.nodeName ?? ""} Not Found`,
  );
  fails(lost.length === 1 ? lost.join() : `[${lost.join(", ")}]`);
}

/** Says when hints that the annotation asks for begin, cannot be, and end. */
function reportHints({ events }: ReconcileContext, service: Service, { hints }: EndpointSlicePlan, sharing: Set<Key>) {
  const key = keyOf(service);
  for (const { enabled, message } of hints) {
    if (enabled) events.normal(service, "TopologyAwareHintsEnabled", message);
    else events.warning(service, "TopologyAwareHintsDisabled", message);
  }
  if (sharesByZone(service)) {
    if (hints.every(({ enabled }) => enabled)) sharing.add(key);
    else sharing.delete(key);
  } else if (sharing.delete(key)) {
    for (const family of ipFamiliesOf(service)) {
      const message = `Topology Aware Hints has been disabled, addressType: ${family}`;
      events.warning(service, "TopologyAwareHintsDisabled", message);
    }
  }
}

/** The service that a slice of this controller belongs to. */
function* serviceOf({ metadata }: EndpointSlice): Iterable<string> {
  const { [serviceNameLabel]: service, [sliceManagedByLabel]: by } = metadata.labels ?? {};
  if (service !== undefined && by === managedBy) yield `${metadata.namespace}/${service}`;
}

function zoneOf(node: Node | undefined): string | undefined {
  return node?.metadata.labels?.[zoneLabel];
}

/** A node that comes or goes takes its pods' endpoints with it, one that gets another zone gives it to them. */
function* servicesOnNode(node: Node, cache: Cache, old: Node | undefined): Iterable<string> {
  if (old && cache.get(Nodes, keyOf(node)) && zoneOf(node) === zoneOf(old)) return;
  for (const pod of cache.byIndex(Pods, podsByNode.name, node.metadata.name)) yield* servicesOf(pod, cache, undefined);
}
