// autoscaling/v1 in terms of v2: what v1 has no fields for is kept in annotations, as by
// k8s.io/kubernetes/pkg/apis/autoscaling/v1/conversion.go.
import { type Draft, deepCopy, formatJson, parseJson } from "../../lib/index.ts";
import { ApiError } from "../meta/api-error.ts";
import { decodeBuiltIn } from "../schema/decode-object.ts";
import { isObject, type JsonObject } from "../schema/json-value.ts";
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerV1,
  MetricSpec,
  MetricStatus,
  ObjectMeta,
} from "../types.generated.ts";
import { cpuUtilization, defaultMetric } from "./horizontal-pod-autoscaler.ts";
import { metricFromV1, metricStatusFromV1, metricStatusToV1, metricToV1 } from "./metric-conversion.ts";

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";

export const statusAnnotations = [currentMetricsAnnotation, conditionsAnnotation];
const ownAnnotations = [metricsAnnotation, behaviorAnnotation, ...statusAnnotations];

const definition = (name: string) => `io.k8s.api.autoscaling.v2.${name}`;

export function toV2(autoscaler: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  const { metadata, spec, status } = autoscaler;
  const { targetCPUUtilizationPercentage: cpu, ...restOfSpec } = spec;
  // An object that is being created has none yet.
  const { currentCPUUtilizationPercentage: currentCpu, ...restOfStatus } = status ?? {};
  const annotated = (name: string) => metadata.annotations?.[name];
  const metrics = [
    ...(listFrom<MetricSpec>(annotated(metricsAnnotation), "MetricSpec", metricFromV1) ?? []),
    ...(cpu === undefined ? [] : [cpuUtilization(cpu)]),
  ];
  const behavior = behaviorFrom(annotated(behaviorAnnotation));
  const currentMetrics =
    listFrom<MetricStatus>(annotated(currentMetricsAnnotation), "MetricStatus", metricStatusFromV1) ??
    (currentCpu === undefined ? null : [currentCpuUtilization(currentCpu)]);
  const conditions = listFrom<HorizontalPodAutoscalerCondition>(
    annotated(conditionsAnnotation),
    "HorizontalPodAutoscalerCondition",
    (condition) => condition,
  );
  return {
    ...autoscaler,
    apiVersion: "autoscaling/v2",
    metadata: withoutOwnAnnotations(metadata),
    spec: { ...restOfSpec, metrics: metrics.length > 0 ? metrics : [defaultMetric], ...(behavior && { behavior }) },
    status: { ...restOfStatus, currentMetrics, ...(conditions && { conditions }) },
  };
}

export function fromV2(autoscaler: HorizontalPodAutoscaler): HorizontalPodAutoscalerV1 {
  const { metrics = [], behavior, ...restOfSpec } = autoscaler.spec;
  const { currentMetrics: shownMetrics, conditions = [], ...restOfStatus } = autoscaler.status ?? {};
  const currentMetrics = shownMetrics ?? [];
  const cpu = metrics.find(isCpuUtilization)?.resource?.target.averageUtilization;
  const currentCpu = currentMetrics.findLast(
    ({ type, resource }) =>
      type === "Resource" && resource?.name === "cpu" && resource.current.averageUtilization !== undefined,
  )?.resource?.current.averageUtilization;
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const metadata = deepCopy(withoutOwnAnnotations(autoscaler.metadata));
  const annotate = (name: string, value: unknown) => {
    metadata.annotations = { ...metadata.annotations, [name]: formatJson(value) };
  };
  if (others.length > 0) annotate(metricsAnnotation, others.map(metricToV1));
  if (currentMetrics.length > 0) annotate(currentMetricsAnnotation, currentMetrics.map(metricStatusToV1));
  if (behavior) annotate(behaviorAnnotation, withKeys(behavior, upperFirst));
  if (conditions.length > 0) annotate(conditionsAnnotation, conditions);
  return {
    ...autoscaler,
    apiVersion: "autoscaling/v1",
    metadata,
    spec: { ...restOfSpec, ...(cpu !== undefined && { targetCPUUtilizationPercentage: cpu }) },
    status: {
      ...restOfStatus,
      // Go writes the number also where v2 leaves it out.
      currentReplicas: restOfStatus.currentReplicas ?? 0,
      ...(currentCpu !== undefined && { currentCPUUtilizationPercentage: currentCpu }),
    },
  };
}

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return type === "Resource" && resource?.name === "cpu" && resource.target.averageUtilization !== undefined;
}

function currentCpuUtilization(percent: number): MetricStatus {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization: percent } } };
}

function withoutOwnAnnotations(metadata: ObjectMeta): ObjectMeta {
  const { annotations, ...rest } = metadata;
  if (!annotations || !ownAnnotations.some((name) => name in annotations)) return metadata;
  const others = Object.entries(annotations).filter(([name]) => !ownAnnotations.includes(name));
  return others.length > 0 ? { ...rest, annotations: Object.fromEntries(others) } : rest;
}

/** What an annotation lists, in the form of v2; nothing when it is not what it should be, for users write annotations. */
function listFrom<T>(
  text: string | undefined,
  name: string,
  convert: (item: JsonObject) => JsonObject,
): readonly T[] | undefined {
  const list = parsed(text);
  if (!Array.isArray(list) || !list.every(isObject)) return undefined;
  const items = list.map((item) => decoded<T>(name, convert(item)));
  return items.every((item) => item !== undefined) ? items : undefined;
}

/** The annotation has the field names of Kubernetes' internal form: `{"ScaleUp": {"SelectPolicy": "Max"}}`. */
function behaviorFrom(text: string | undefined): HorizontalPodAutoscalerBehavior | undefined {
  const value = parsed(text);
  if (!isObject(value)) return undefined;
  const behavior = decoded<HorizontalPodAutoscalerBehavior>(
    "HorizontalPodAutoscalerBehavior",
    withKeys(value, lowerFirst),
  );
  return behavior?.scaleUp || behavior?.scaleDown ? behavior : undefined;
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    // Kubernetes ignores what it cannot read there.
    return undefined;
  }
}

function decoded<T>(name: string, value: JsonObject): T | undefined {
  try {
    // The decoder answers what the definition describes, which T is the type of.
    return decodeBuiltIn(definition(name), value) as Draft<T> as T;
  } catch (error) {
    // As above: ignored when it cannot be read.
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

const upperFirst = (key: string) => key.charAt(0).toUpperCase() + key.slice(1);
const lowerFirst = (key: string) => key.charAt(0).toLowerCase() + key.slice(1);

function withKeys(value: object, rename: (key: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [rename(key), renamedIn(each, rename)]));
}

function renamedIn(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => renamedIn(each, rename));
  return isObject(value) ? withKeys(value, rename) : value;
}
