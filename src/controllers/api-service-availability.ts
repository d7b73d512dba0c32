// Says of every API that another server answers whether that server is there: kube-aggregator's remote availability
// controller.
import {
  type APIResource,
  type APIService,
  APIServices,
  type EndpointSlice,
  EndpointSlices,
  type Service,
  Services,
  serviceNameLabel,
  withCondition,
} from "../api/index.ts";
import { also, type Cache, defineController, type ReconcileContext } from "../client/index.ts";
import { deepEqual, errorMessage } from "../lib/index.ts";
import type { ExtensionKinds } from "./resource-catalog.ts";

export const apiServiceAvailabilityControllerName = "apiservice-availability";

/**
 * What the server of an APIService serves of its group version, where it says so in a way that can be read; rejects with
 * an Error that says why it does not.
 */
export type CheckApiService = (service: APIService, signal: AbortSignal) => Promise<readonly APIResource[] | undefined>;

/** A server that ends leaves no event behind. */
const lookAgainMs = 30_000;
/** At once, as kube-aggregator asks. */
const looksMax = 5;

interface Verdict {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** What is served, where that was told; what was told before counts where it was not. */
  readonly resources?: readonly APIResource[] | undefined;
}

/** `kinds` is told what each server serves. */
export function apiServiceAvailabilityController(check: CheckApiService, kinds: ExtensionKinds) {
  return defineController({
    name: apiServiceAvailabilityControllerName,
    watches: {
      for: APIServices,
      also: [
        also(Services, ({ metadata }, cache) => ofService(cache, metadata.namespace, metadata.name)),
        also(EndpointSlices, ({ metadata }, cache) =>
          ofService(cache, metadata.namespace, metadata.labels?.[serviceNameLabel]),
        ),
      ],
    },
    async reconcile(context, name) {
      const service = context.cache.get(APIServices, name);
      if (!service?.spec.service) {
        kinds.delete(name);
        return;
      }
      const { resources, ...verdict } = judge(service, context.cache) ?? (await ask(service, check, context.signal));
      if (context.signal.aborted) return;
      if (resources) kinds.set(service, resources);
      await tell(context, service, verdict);
      return { afterMs: lookAgainMs };
    },
  });
}

function ofService(cache: Cache, namespace: string | undefined, name: string | undefined): string[] {
  return cache
    .list(APIServices)
    .filter(({ spec }) => spec.service?.name === name && spec.service?.namespace === namespace)
    .map(({ metadata }) => metadata.name);
}

/** What can be told without asking; undefined when nothing speaks against it. */
function judge({ spec }: APIService, cache: Cache): Verdict | undefined {
  const { namespace = "", name = "", port = 443 } = spec.service ?? {};
  const place = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = cache.get(Services, `${namespace}/${name}`);
  if (!service) return unavailable("ServiceNotFound", `${place} is not present`);
  if ((service.spec.type ?? "ClusterIP") !== "ClusterIP") return undefined;
  const servicePort = service.spec.ports?.find((each) => each.port === port);
  if (!servicePort) return unavailable("ServicePortError", `${place} is not listening on port ${port}`);
  const slices = slicesOf(cache, service);
  if (slices.length === 0)
    return unavailable(
      "EndpointsNotFound",
      `cannot find endpointslices for service/${name} in ${JSON.stringify(namespace)}`,
    );
  const portName = servicePort.name ?? "";
  if (slices.some((slice) => hasEndpoint(slice, portName))) return undefined;
  return unavailable(
    "MissingEndpoints",
    `endpointslices for ${place} have no addresses with port name ${JSON.stringify(portName)}`,
  );
}

function unavailable(reason: string, message: string): Verdict {
  return { status: "False", reason, message };
}

function slicesOf(cache: Cache, { metadata }: Service): readonly EndpointSlice[] {
  const slices = cache.list(EndpointSlices, metadata.namespace);
  return slices.filter((slice) => slice.metadata.labels?.[serviceNameLabel] === metadata.name);
}

function hasEndpoint({ endpoints, ports }: EndpointSlice, portName: string): boolean {
  return (
    (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false) &&
    (ports ?? []).some(({ name, port }) => (name ?? "") === portName && port !== undefined)
  );
}

async function ask(service: APIService, check: CheckApiService, signal: AbortSignal): Promise<Verdict> {
  try {
    // One endpoint that answers is enough, and every look may meet another one.
    const resources = await Promise.any(Array.from({ length: looksMax }, () => check(service, signal)));
    return { status: "True", reason: "Passed", message: "all checks passed", resources };
  } catch (error) {
    const why: unknown = error instanceof AggregateError ? error.errors.at(-1) : error;
    return unavailable("FailedDiscoveryCheck", errorMessage(why));
  }
}

async function tell({ client, clock }: ReconcileContext, service: APIService, verdict: Verdict): Promise<void> {
  const conditions = withCondition(service.status.conditions, { type: "Available", ...verdict }, clock.now());
  if (deepEqual(conditions, service.status.conditions)) return;
  await client.update(
    APIServices,
    { ...service, status: { ...service.status, conditions } },
    { subresource: "status" },
  );
}
