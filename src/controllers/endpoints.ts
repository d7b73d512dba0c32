import {
  ApiError,
  type Endpoints,
  EndpointsResource,
  type NewObject,
  Pods,
  type Service,
  Services,
} from "../api/index.ts";
import { also, defineController, type Key, keyOf, type ReconcileContext, splitKey } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import { TriggerTimes, withTriggerTime } from "./endpoint-trigger-times.ts";
import {
  type EndpointsPlan,
  managedBy,
  managedByLabel,
  overCapacityAnnotation,
  planEndpoints,
} from "./endpoints-plan.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { podsByLabel } from "./selection.ts";
import { hasSelectedEndpoints, selectedPods, servicesBySelector, servicesOf } from "./service-endpoints.ts";

/** Keeps the Endpoints of each Service that has a selector, for clients that know no EndpointSlices. */
export function endpointsController() {
  const triggerTimes = new TriggerTimes();
  return defineController({
    name: "endpoints-controller",
    recordsAs: "endpoint-controller",
    watches: {
      for: Services,
      also: [
        also(Pods, servicesOf),
        also(EndpointsResource, ({ metadata }) =>
          metadata.labels?.[managedByLabel] === managedBy ? [`${metadata.namespace}/${metadata.name}`] : [],
        ),
      ],
    },
    indexes: [podsByLabel, servicesBySelector],
    async reconcile(context, key) {
      const { cache } = context;
      const service = cache.get(Services, key);
      const present = cache.get(EndpointsResource, key);
      if (!service) {
        triggerTimes.forget(key);
        if (present) await remove(context, key);
        return;
      }
      if (!hasSelectedEndpoints(service)) return;
      const pods = selectedPods(service, cache);
      const triggerMs = triggerTimes.next(service, pods);
      const next = wanted(service, planEndpoints(service, pods), present);
      if (!present || !says(present, next)) await write(context, service, next, present, triggerMs);
    },
  });
}

function wanted(service: Service, plan: EndpointsPlan, present: Endpoints | undefined): NewObject<Endpoints> {
  const { name, namespace } = service.metadata;
  const { [overCapacityAnnotation]: _truncated, ...others } = present?.metadata.annotations ?? {};
  const annotations = plan.isTruncated ? { ...others, [overCapacityAnnotation]: "truncated" } : others;
  const { annotations: _before, ...metadata } = present?.metadata ?? { name };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...metadata,
      ...(namespace === undefined ? {} : { namespace }),
      labels: plan.labels,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...(plan.subsets.length === 0 ? {} : { subsets: plan.subsets }),
  };
}

function says(present: Endpoints, next: NewObject<Endpoints>): boolean {
  const lastCut = present.metadata.annotations?.[overCapacityAnnotation];
  return (
    deepEqual(present.subsets ?? [], next.subsets ?? []) &&
    deepEqual(present.metadata.labels, next.metadata.labels) &&
    lastCut === next.metadata.annotations?.[overCapacityAnnotation]
  );
}

async function write(
  { client, events }: ReconcileContext,
  service: Service,
  next: NewObject<Endpoints>,
  present: Endpoints | undefined,
  triggerMs: number | undefined,
): Promise<void> {
  const timed = { ...next, metadata: withTriggerTime(next.metadata, triggerMs) };
  try {
    if (present) await client.update(EndpointsResource, timed);
    else await client.create(EndpointsResource, timed);
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    const key = keyOf(service);
    const why = errorMessage(error);
    if (present) events.warning(present, "FailedToUpdateEndpoint", `Failed to update endpoint ${key}: ${why}`);
    else {
      const { name, namespace = "" } = service.metadata;
      // Of what could not be made there is no more than the name.
      const metadata = { name, namespace, uid: "", resourceVersion: "", creationTimestamp: "" };
      const about = { apiVersion: "v1", kind: "Endpoints", metadata };
      events.warning(about, "FailedToCreateEndpoint", `Failed to create endpoint for service ${key}: ${why}`);
    }
    throw error;
  }
}

async function remove({ client }: ReconcileContext, key: Key): Promise<void> {
  try {
    await client.delete(EndpointsResource, splitKey(key));
  } catch (error) {
    // Somebody else was faster.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}
