// What one metric of an autoscaler asks for: pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetric.
import {
  type MetricSpec,
  type MetricStatus,
  type MetricTarget,
  type MetricValueStatus,
  milliQuantity,
  type Pod,
  quantityMilliValue,
} from "../api/index.ts";
import { errorMessage } from "../lib/index.ts";
import {
  type PodMetric,
  type Proposal,
  replicasForAverage,
  replicasForSharedValue,
  replicasForUtilization,
  replicasForValue,
  type Tolerances,
} from "./horizontal-pod-autoscaler-calculation.ts";
import {
  externalValue,
  type MetricSource,
  objectValue,
  podSamples,
  resourceSamples,
} from "./horizontal-pod-autoscaler-metrics.ts";
import { selectorText } from "./selector-text.ts";

/** What is scaled, and what is known of it. */
export interface ScaledPods {
  readonly selector: string;
  readonly pods: readonly Pod[];
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly tolerances: Tolerances;
  readonly nowMs: number;
}

export interface MetricProposal {
  readonly replicas: number;
  readonly status: MetricStatus;
  /** What the metric is called in messages. */
  readonly name: string;
}

/** The reason when a metric is of no type that there is: what is wrong is what it asks for. */
export const invalidMetricType = "InvalidMetricSourceType";

/** Why a metric says nothing. */
export class MetricFailure extends Error {
  /** Of the event and the condition. */
  readonly reason: string;
  /** What event and condition say. */
  readonly detail: string;

  constructor(reason: string, detail: string, message: string) {
    super(message);
    this.reason = reason;
    this.detail = detail;
  }
}

/** Throws MetricFailure. */
export async function proposalOf(
  metric: MetricSpec,
  scaled: ScaledPods,
  source: MetricSource,
): Promise<MetricProposal> {
  const { type } = metric;
  if (type === "Resource" && metric.resource) {
    const { name, target } = metric.resource;
    return await explained("FailedGetResourceMetric", `failed to get ${name} resource metric value`, async () => {
      const { current, ...rest } = await resourceProposal(name, undefined, target, scaled, source);
      return { ...rest, status: { type, resource: { name, current } } };
    });
  }
  if (type === "ContainerResource" && metric.containerResource) {
    const { name, container, target } = metric.containerResource;
    const failed = `failed to get ${container} container metric value`;
    return await explained("FailedGetContainerResourceMetric", failed, async () => {
      const { current, ...rest } = await resourceProposal(name, container, target, scaled, source);
      return { ...rest, status: { type, containerResource: { name, container, current } } };
    });
  }
  if (type === "Pods" && metric.pods) {
    const { metric: identifier, target } = metric.pods;
    return await explained("FailedGetPodsMetric", "failed to get pods metric value", async () => {
      const samples = await podSamples(source, identifier, scaled.selector).catch(
        prefixed(`unable to get metric ${identifier.name}`),
      );
      const proposal = replicasForAverage(podMetric(scaled, samples), milliOf(target.averageValue));
      const current = { averageValue: milliQuantity(proposal.value) };
      return {
        replicas: proposal.replicas,
        name: `pods metric ${identifier.name}`,
        status: { type, pods: { metric: identifier, current } },
      };
    });
  }
  if (type === "Object" && metric.object)
    return await explained("FailedGetObjectMetric", "failed to get object metric value", () =>
      objectProposal(metric, metric.object!, scaled, source),
    );
  if (type === "External" && metric.external)
    return await explained(
      "FailedGetExternalMetric",
      `failed to get ${metric.external.metric.name} external metric value`,
      () => externalProposal(metric, metric.external!, scaled, source),
    );
  const message = `unknown metric source type ${JSON.stringify(type)}`;
  throw new MetricFailure(invalidMetricType, message, message);
}

async function explained(
  reason: string,
  failed: string,
  propose: () => Promise<MetricProposal>,
): Promise<MetricProposal> {
  try {
    return await propose();
  } catch (error) {
    // Whatever went wrong is what the status has to say of this metric; the others may still work.
    const detail = errorMessage(error);
    throw new MetricFailure(reason, detail, `${failed}: ${detail}`);
  }
}

function prefixed(prefix: string): (error: unknown) => never {
  return (error) => {
    // The message has the cause in it, as upstream's have; as a cause it would be told twice.
    throw new Error(`${prefix}: ${errorMessage(error)}`);
  };
}

function podMetric(scaled: ScaledPods, samples: PodMetric["samples"]): PodMetric {
  return { ...scaled, samples, replicas: scaled.specReplicas };
}

function milliOf(quantity: string | undefined): number {
  return quantityMilliValue(quantity ?? "0");
}

type ResourceProposal = Omit<MetricProposal, "status"> & { readonly current: MetricValueStatus };

async function resourceProposal(
  resource: string,
  container: string | undefined,
  target: MetricTarget,
  scaled: ScaledPods,
  source: MetricSource,
): Promise<ResourceProposal> {
  const { averageValue, averageUtilization } = target;
  if (averageValue === undefined && averageUtilization === undefined)
    throw new Error(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    );
  const failed = `failed to get ${resource} ${averageValue === undefined ? "utilization" : "usage"}`;
  const samples = await resourceSamples(source, resource, scaled.selector, container).catch(
    prefixed(`${failed}: unable to get metrics for resource ${resource}`),
  );
  const metric = { ...podMetric(scaled, samples), resource };
  let proposal: Proposal;
  try {
    proposal =
      averageValue === undefined
        ? replicasForUtilization(metric, averageUtilization ?? 0, container)
        : replicasForAverage(metric, milliOf(averageValue));
  } catch (error) {
    return prefixed(failed)(error);
  }
  const which = container === undefined ? "resource" : "container resource";
  const { replicas, value, utilization } = proposal;
  return {
    replicas,
    name:
      utilization === undefined ? `${resource} resource` : `${resource} ${which} utilization (percentage of request)`,
    current: {
      // Memory as metrics-server says it.
      averageValue: milliQuantity(value, resource === "memory" ? "BinarySI" : "DecimalSI"),
      ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    },
  };
}

async function objectProposal(
  { type }: MetricSpec,
  { describedObject, metric, target }: NonNullable<MetricSpec["object"]>,
  scaled: ScaledPods,
  source: MetricSource,
): Promise<MetricProposal> {
  const value = target.type === "Value" ? target.value : undefined;
  const averageValue = target.type === "AverageValue" ? target.averageValue : undefined;
  if (value === undefined && averageValue === undefined)
    throw new Error("invalid object metric source: neither a value target nor an average value target was set");
  const perPod = value === undefined ? `failed to get ${metric.name} object metric: ` : "";
  const usage = await objectValue(source, describedObject, metric).catch((error) => {
    // The order of the words is upstream's.
    const where = `${describedObject.kind} on ${source.namespace} ${describedObject.name}`;
    throw new Error(`${perPod}unable to get metric ${metric.name}: ${where}/${errorMessage(error)}`);
  });
  const proposal = proposed(usage, value, averageValue, scaled);
  return {
    replicas: proposal.replicas,
    name:
      value === undefined
        ? `external metric ${metric.name}(${selectorText(metric.selector)})`
        : `${describedObject.kind} metric ${metric.name}`,
    status: { type, object: { describedObject, metric, current: currentOf(proposal, value !== undefined) } },
  };
}

async function externalProposal(
  { type }: MetricSpec,
  { metric, target }: NonNullable<MetricSpec["external"]>,
  scaled: ScaledPods,
  source: MetricSource,
): Promise<MetricProposal> {
  const { value, averageValue } = target;
  if (value === undefined && averageValue === undefined)
    throw new Error("invalid external metric source: neither a value target nor an average value target was set");
  const { name } = metric;
  const selector = selectorText(metric.selector);
  const failed =
    averageValue === undefined ? `failed to get external metric ${name}` : `failed to get ${name} external metric`;
  const usage = await externalValue(source, metric).catch(
    prefixed(`${failed}: unable to get external metric ${source.namespace}/${name}/${selector}`),
  );
  const whole = averageValue === undefined ? value : undefined;
  const proposal = proposed(usage, whole, averageValue, scaled);
  return {
    replicas: proposal.replicas,
    name: `external metric ${name}(${selector})`,
    status: { type, external: { metric, current: currentOf(proposal, whole !== undefined) } },
  };
}

/** One value for all pods, against a target for all or for each. */
function proposed(
  usage: number,
  value: string | undefined,
  averageValue: string | undefined,
  { pods, specReplicas, statusReplicas, tolerances }: ScaledPods,
): Proposal {
  return value === undefined
    ? replicasForSharedValue(usage, milliOf(averageValue), statusReplicas, tolerances)
    : replicasForValue(usage, milliOf(value), { pods, replicas: specReplicas, tolerances });
}

function currentOf({ value }: Proposal, whole: boolean): MetricValueStatus {
  return whole ? { value: milliQuantity(value) } : { averageValue: milliQuantity(value) };
}
