import {
  ApiError,
  type Endpoints,
  EndpointsResource,
  type NewObject,
  Pods,
  type Service,
  Services,
} from "../api/index.ts";
import { also, defineController, type Key, type ReconcileContext, splitKey } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import {
  type EndpointsPlan,
  managedBy,
  managedByLabel,
  overCapacityAnnotation,
  planEndpoints,
} from "./endpoints-plan.ts";
import { isNamespaceTerminating } from "./pod-control.ts";
import { hasSelectedEndpoints, selects, servicesOf } from "./service-endpoints.ts";

/** Keeps the Endpoints of each Service that has a selector, for clients that know no EndpointSlices. */
export const endpointsController = defineController({
  name: "endpoints-controller",
  watches: {
    for: Services,
    also: [
      also(Pods, servicesOf),
      also(EndpointsResource, ({ metadata }) =>
        metadata.labels?.[managedByLabel] === managedBy ? [`${metadata.namespace}/${metadata.name}`] : [],
      ),
    ],
  },
  async reconcile(context, key) {
    const { cache } = context;
    const service = cache.get(Services, key);
    const present = cache.get(EndpointsResource, key);
    if (!service) {
      if (present) await remove(context, key);
      return;
    }
    if (!hasSelectedEndpoints(service)) return;
    const pods = cache.list(Pods, service.metadata.namespace);
    const plan = planEndpoints(
      service,
      pods.filter(({ metadata }) => selects(service, metadata.labels)),
    );
    await write(context, wanted(service, plan, present), present);
  },
});

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

async function write(
  { client }: ReconcileContext,
  next: NewObject<Endpoints>,
  present: Endpoints | undefined,
): Promise<void> {
  const unchanged =
    present &&
    deepEqual(present.subsets ?? [], next.subsets ?? []) &&
    deepEqual(present.metadata.labels, next.metadata.labels) &&
    deepEqual(present.metadata.annotations, next.metadata.annotations);
  if (unchanged) return;
  try {
    if (present) await client.update(EndpointsResource, next);
    else await client.create(EndpointsResource, next);
  } catch (error) {
    if (!isNamespaceTerminating(error)) throw error;
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
