// Metrics under the names that they had in autoscaling/v1, where only annotations hold them.
import { isObject, type JsonObject } from "../schema/json-value.ts";
import type { MetricSpec, MetricStatus } from "../types.generated.ts";

/** The fields that have a value. */
function given(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

export function metricToV1({ type, object, pods, resource, containerResource, external }: MetricSpec): JsonObject {
  return given({
    type,
    object:
      object &&
      given({
        target: object.describedObject,
        metricName: object.metric.name,
        // No pointer in Go, so that it is always written.
        targetValue: object.target.value ?? "0",
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    pods:
      pods &&
      given({
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? "0",
        selector: pods.metric.selector,
      }),
    resource:
      resource &&
      given({
        name: resource.name,
        targetAverageUtilization: resource.target.averageUtilization,
        targetAverageValue: resource.target.averageValue,
      }),
    containerResource:
      containerResource &&
      given({
        name: containerResource.name,
        targetAverageUtilization: containerResource.target.averageUtilization,
        targetAverageValue: containerResource.target.averageValue,
        container: containerResource.container,
      }),
    external:
      external &&
      given({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

export function metricStatusToV1(status: MetricStatus): JsonObject {
  const { type, object, pods, resource, containerResource, external } = status;
  return given({
    type,
    object:
      object &&
      given({
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? "0",
        selector: object.metric.selector,
        averageValue: object.current.averageValue,
      }),
    pods:
      pods &&
      given({
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? "0",
        selector: pods.metric.selector,
      }),
    resource:
      resource &&
      given({
        name: resource.name,
        currentAverageUtilization: resource.current.averageUtilization,
        currentAverageValue: resource.current.averageValue ?? "0",
      }),
    containerResource:
      containerResource &&
      given({
        name: containerResource.name,
        currentAverageUtilization: containerResource.current.averageUtilization,
        currentAverageValue: containerResource.current.averageValue ?? "0",
        container: containerResource.container,
      }),
    external:
      external &&
      given({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? "0",
        currentAverageValue: external.current.averageValue,
      }),
  });
}

// What comes from annotations can be anything: it is only renamed here, and checked by who calls.

function from(value: unknown, convert: (source: JsonObject) => JsonObject): unknown {
  return isObject(value) ? convert(value) : value;
}

const targetOf = (type: string, values: JsonObject) => given({ type, ...values });
const isGiven = (value: unknown) => value !== undefined && value !== null;

function resourceTarget({ targetAverageUtilization, targetAverageValue }: JsonObject): JsonObject {
  return targetOf(isGiven(targetAverageUtilization) ? "Utilization" : "AverageValue", {
    averageUtilization: targetAverageUtilization,
    averageValue: targetAverageValue,
  });
}

export function metricFromV1({ type, object, pods, resource, containerResource, external }: JsonObject): JsonObject {
  return given({
    type,
    object: from(object, ({ target, metricName, targetValue, selector, averageValue }) => ({
      describedObject: target,
      metric: given({ name: metricName, selector }),
      // Beside an average, a zero only says that there is no other value.
      target: isGiven(averageValue)
        ? targetOf("AverageValue", { averageValue, value: targetValue === "0" ? undefined : targetValue })
        : targetOf("Value", { value: targetValue }),
    })),
    pods: from(pods, ({ metricName, targetAverageValue, selector }) => ({
      metric: given({ name: metricName, selector }),
      target: targetOf("AverageValue", { averageValue: targetAverageValue }),
    })),
    resource: from(resource, (source) => given({ name: source.name, target: resourceTarget(source) })),
    containerResource: from(containerResource, (source) =>
      given({ name: source.name, container: source.container, target: resourceTarget(source) }),
    ),
    external: from(external, ({ metricName, metricSelector, targetValue, targetAverageValue }) => ({
      metric: given({ name: metricName, selector: metricSelector }),
      target: targetOf(isGiven(targetValue) ? "Value" : "AverageValue", {
        value: targetValue,
        averageValue: targetAverageValue,
      }),
    })),
  });
}

export function metricStatusFromV1(status: JsonObject): JsonObject {
  const { type, object, pods, resource, containerResource, external } = status;
  const resourceCurrent = ({ currentAverageUtilization, currentAverageValue }: JsonObject) =>
    given({ averageUtilization: currentAverageUtilization, averageValue: currentAverageValue });
  return given({
    type,
    object: from(object, ({ target, metricName, currentValue, selector, averageValue }) => ({
      describedObject: target,
      metric: given({ name: metricName, selector }),
      current: given({ value: currentValue, averageValue }),
    })),
    pods: from(pods, ({ metricName, currentAverageValue, selector }) => ({
      metric: given({ name: metricName, selector }),
      current: given({ averageValue: currentAverageValue }),
    })),
    resource: from(resource, (source) => given({ name: source.name, current: resourceCurrent(source) })),
    containerResource: from(containerResource, (source) =>
      given({ name: source.name, container: source.container, current: resourceCurrent(source) }),
    ),
    external: from(external, ({ metricName, metricSelector, currentValue, currentAverageValue }) => ({
      metric: given({ name: metricName, selector: metricSelector }),
      current: given({ value: currentValue, averageValue: currentAverageValue }),
    })),
  });
}
