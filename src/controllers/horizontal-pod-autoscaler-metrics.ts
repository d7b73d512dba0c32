// The three APIs that an autoscaler's numbers come from: pkg/controller/podautoscaler/metrics/client.go and
// k8s.io/metrics/pkg/client. Values are thousandths. Every function throws an Error in their words.
import {
  APIServices,
  ApiError,
  type CrossVersionObjectReference,
  formatLabelSelector,
  type KubeObject,
  type MetricIdentifier,
  type PodMetrics,
  PodMetricses,
  parseApiVersion,
  parseDuration,
  qualifiedResource,
  quantityMilliValue,
  type ResourceReference,
} from "../api/index.ts";
import type { Cache, Client } from "../client/index.ts";
import { errorMessage } from "../lib/index.ts";
import type { PodSamples } from "./horizontal-pod-autoscaler-calculation.ts";
import type { KindCatalog } from "./resource-catalog.ts";

/** An item of custom.metrics.k8s.io; v1beta1 has `window` where v1beta2 has `windowSeconds`. */
interface MetricValue {
  readonly describedObject: { readonly name: string };
  readonly timestamp: string;
  readonly windowSeconds?: number;
  readonly window?: number;
  readonly value: string;
}
type MetricValueList = KubeObject & { readonly items: readonly MetricValue[] };
type ExternalMetricValue = KubeObject & { readonly value: string };

/** Of a metric that does not say how long it was taken over. */
const windowSecondsDefault = 60;
/** The newest first; servers may have either. */
const customVersions = ["v1beta2", "v1beta1"];
const customGroup = "custom.metrics.k8s.io";

export interface MetricSource {
  readonly client: Client;
  readonly cache: Cache;
  readonly catalog: KindCatalog;
  readonly namespace: string;
}

/** What each pod, or one container of each, uses of a resource; pods of which that is not known are left out. */
export async function resourceSamples(
  { client, namespace }: MetricSource,
  resource: string,
  labelSelector: string,
  container: string | undefined,
): Promise<PodSamples> {
  const { items } = await fetched(
    "resource metrics API",
    { ...PodMetricses, subject: "pods" },
    client.list(PodMetricses, { namespace, labelSelector }),
  );
  if (items.length === 0) throw new Error("no metrics returned from resource metrics API");
  const samples = new Map<string, { value: number; atMs: number; windowMs: number }>();
  for (const item of items) {
    const value = container === undefined ? podUse(item, resource) : containerUse(item, resource, container);
    if (value === undefined) continue;
    samples.set(item.metadata.name, {
      value,
      atMs: Date.parse(item.timestamp),
      windowMs: parseDuration(item.window),
    });
  }
  return samples;
}

function podUse({ containers }: PodMetrics, resource: string): number | undefined {
  if (containers.length === 0) return undefined;
  let sum = 0;
  for (const { usage } of containers) {
    const value = usage[resource];
    if (value === undefined) return undefined;
    sum += quantityMilliValue(value);
  }
  return sum;
}

/** A container that a server does not know of is as one whose use it does not know. */
function containerUse({ containers }: PodMetrics, resource: string, name: string): number | undefined {
  const value = containers.find((each) => each.name === name)?.usage[resource];
  return value === undefined ? undefined : quantityMilliValue(value);
}

/** A metric of its own for each pod that the selector selects. */
export async function podSamples(
  source: MetricSource,
  metric: MetricIdentifier,
  labelSelector: string,
): Promise<PodSamples> {
  const { items } = await customMetric(source, { kind: "Pod", name: "*" }, metric, labelSelector);
  if (items.length === 0) throw new Error("no metrics returned from custom metrics API");
  return new Map(
    items.map(({ describedObject, timestamp, value, windowSeconds, window }) => [
      describedObject.name,
      {
        value: quantityMilliValue(value),
        atMs: Date.parse(timestamp),
        windowMs: (windowSeconds ?? window ?? windowSecondsDefault) * 1000,
      },
    ]),
  );
}

/** A metric of one object. */
export async function objectValue(
  source: MetricSource,
  object: CrossVersionObjectReference,
  metric: MetricIdentifier,
): Promise<number> {
  const { items } = await customMetric(source, object, metric, undefined);
  const [item] = items;
  if (!item || items.length > 1)
    throw new Error(
      `unable to fetch metrics from custom metrics API: the custom metrics API server returned ${items.length} results when we asked for exactly one`,
    );
  return quantityMilliValue(item.value);
}

async function customMetric(
  { client, cache, catalog, namespace }: MetricSource,
  { apiVersion = "", kind, name }: CrossVersionObjectReference,
  metric: MetricIdentifier,
  labelSelector: string | undefined,
): Promise<MetricValueList> {
  const version = customVersions.find((each) => cache.get(APIServices, `${each}.${customGroup}`));
  if (version === undefined)
    throw new Error(
      `unable to fetch metrics from custom metrics API: no custom metrics API (${customGroup}) registered`,
    );
  const { group } = parseApiVersion(apiVersion);
  // A namespace is asked for by what stands under the metrics of the namespace.
  const isNamespace = kind === "Namespace" && group === "";
  const described = catalog.all().find((each) => each.kind === kind && each.group === group);
  if (!described)
    throw new Error(
      `unable to fetch metrics from custom metrics API: unable to map kind ${kind}${group === "" ? "" : `.${group}`} to resource: no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`,
    );
  const plural = isNamespace ? "metrics" : qualifiedResource(described);
  const resource: ResourceReference<MetricValueList> = {
    group: customGroup,
    version,
    kind: "MetricValueList",
    plural,
    namespaced: true,
  };
  const metricLabelSelector = formatLabelSelector(metric.selector);
  return await fetched(
    "custom metrics API",
    { ...resource, subject: plural },
    client.get(
      resource,
      { namespace, name: isNamespace ? metric.name : name },
      {
        ...(isNamespace ? {} : { subresource: metric.name }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(metricLabelSelector === "" ? {} : { metricLabelSelector }),
      },
    ),
  );
}

/** The sum of the values of a metric of something outside of the cluster. */
export async function externalValue(
  { client, namespace }: MetricSource,
  { name, selector }: MetricIdentifier,
): Promise<number> {
  const resource: ResourceReference<ExternalMetricValue> = {
    group: "external.metrics.k8s.io",
    version: "v1beta1",
    kind: "ExternalMetricValue",
    plural: name,
    namespaced: true,
  };
  const labelSelector = formatLabelSelector(selector);
  const { items } = await fetched(
    "external metrics API",
    { ...resource, subject: name },
    client.list(resource, { namespace, ...(labelSelector === "" ? {} : { labelSelector }) }),
  );
  if (items.length === 0) throw new Error("no metrics returned from external metrics API");
  return items.reduce((sum, { value }) => sum + quantityMilliValue(value), 0);
}

async function fetched<T>(
  api: string,
  { subject, group }: { readonly subject: string; readonly group: string },
  answer: Promise<T>,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Error(`unable to fetch metrics from ${api}: ${whyNot(error, `${subject}.${group}`)}`);
  }
}

/** As client-go says what was asked for where a server cannot answer. */
function whyNot(error: unknown, what: string): string {
  const code = error instanceof ApiError ? error.code : 0;
  if (code === 503) return `the server is currently unable to handle the request (get ${what})`;
  return `${errorMessage(error)}${code === 404 ? ` (get ${what})` : ""}`;
}
