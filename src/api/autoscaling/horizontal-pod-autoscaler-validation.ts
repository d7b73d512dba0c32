// What a HorizontalPodAutoscaler may be: k8s.io/kubernetes/pkg/apis/autoscaling/validation/validation.go.
import { append } from "../../lib/index.ts";
import { validateContainerResourceName } from "../core/resource-names.ts";
import { eachItem, invalidFor, optionalEnum, positive, requiredField } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { isDns1123Label, isPathSegmentName } from "../meta/names.ts";
import { quantitySign, validateNonnegativeQuantity } from "../meta/quantity.ts";
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from "../types.generated.ts";

const windowSecondsMax = 3600;
const periodSecondsMax = 1800;
const minReplicasMin = 1;

export function validateAutoscalerSpec(spec: HorizontalPodAutoscalerSpec, at: Path): FieldError[] {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < minReplicasMin)
    errors.push(
      invalidValue(at.child("minReplicas"), minReplicas, `must be greater than or equal to ${minReplicasMin}`),
    );
  if (maxReplicas < 1) errors.push(invalidValue(at.child("maxReplicas"), maxReplicas, "must be greater than 0"));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalidValue(at.child("maxReplicas"), maxReplicas, "must be greater than or equal to `minReplicas`"));
  append(
    errors,
    validateReference(scaleTargetRef ?? {}, at.child("scaleTargetRef")),
    eachItem(at.child("metrics"), metrics, validateMetric),
  );
  if (minReplicas === 0 && !metrics?.some(({ type }) => type === "Object" || type === "External"))
    errors.push(
      forbiddenField(
        at.child("metrics"),
        "must specify at least one Object or External metric to support scaling to zero replicas",
      ),
    );
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = behavior?.[direction];
    if (rules) append(errors, validateRules(rules, at.child("behavior", direction)));
  }
  return errors;
}

function requiredSegment(at: Path, value = "", detail = ""): FieldError[] {
  return value === "" ? [required(at, detail)] : invalidFor(at, value, isPathSegmentName(value));
}

function validateReference(
  { kind, name, apiVersion = "" }: Partial<CrossVersionObjectReference>,
  at: Path,
): FieldError[] {
  const errors = [...requiredSegment(at.child("kind"), kind), ...requiredSegment(at.child("name"), name)];
  if (apiVersion.split("/").length > 2)
    errors.push(invalidValue(at.child("apiVersion"), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  return errors;
}

function validateRules(rules: HPAScalingRules, at: Path): FieldError[] {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const errors: FieldError[] = [];
  const wrongWindow = (detail: string) =>
    errors.push(invalidValue(at.child("stabilizationWindowSeconds"), window, detail));
  if (window !== undefined && window < 0) wrongWindow("must be greater than or equal to zero");
  if (window !== undefined && window > windowSecondsMax)
    wrongWindow(`must be less than or equal to ${windowSecondsMax}`);
  append(
    errors,
    optionalEnum(at.child("selectPolicy"), selectPolicy, ["Disabled", "Max", "Min"]),
    requiredField(at.child("policies"), policies, "must specify at least one Policy"),
    eachItem(at.child("policies"), policies, validatePolicy),
  );
  if (tolerance !== undefined) append(errors, validateNonnegativeQuantity(at.child("tolerance"), tolerance));
  return errors;
}

function validatePolicy({ type = "", value, periodSeconds = 0 }: HPAScalingPolicy, at: Path): FieldError[] {
  const errors = [
    ...optionalEnum(at.child("type"), type, ["Percent", "Pods"]),
    ...positive(at.child("value"), value ?? 0),
    ...positive(at.child("periodSeconds"), periodSeconds),
  ];
  if (periodSeconds > periodSecondsMax)
    errors.push(
      invalidValue(at.child("periodSeconds"), periodSeconds, `must be less than or equal to ${periodSecondsMax}`),
    );
  return errors;
}

/** The field that a metric of the type has, by the type. */
const fieldOfType = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
} as const;

type SourceField = (typeof fieldOfType)[keyof typeof fieldOfType];

/** In the order in which Kubernetes looks for them. */
const sourceFields: readonly SourceField[] = ["object", "external", "pods", "resource", "containerResource"];

function validateMetric(metric: MetricSpec, at: Path): FieldError[] {
  const types = Object.keys(fieldOfType);
  const { type = "" } = metric;
  const errors = type === "" ? [required(at.child("type"), "must specify a metric source type")] : [];
  // Kubernetes says it twice: of the type, and where it looks for the field of the type.
  const isKnown = types.includes(type);
  if (!isKnown) errors.push(notSupported(at.child("type"), type, types));
  const present = sourceFields.filter((field) => metric[field] !== undefined);
  const [first] = present;
  if (first) append(errors, validateSource(metric, first, at.child(first)));
  const expected = isKnown ? fieldOfType[type as keyof typeof fieldOfType] : undefined;
  if (!expected) errors.push(notSupported(at.child("type"), type, types));
  else if (metric[expected] === undefined)
    errors.push(required(at.child(expected), "must populate information for the given metric source"));
  if (present.length !== 1)
    for (const field of present)
      if (field !== expected)
        errors.push(forbiddenField(at.child(field), "must populate the given metric source only"));
  return errors;
}

function validateSource(metric: MetricSpec, field: SourceField, at: Path): FieldError[] {
  const { object, external, pods, resource, containerResource } = metric;
  const none: MetricTarget = { type: "" };
  switch (field) {
    case "object":
      return [
        ...validateReference(object?.describedObject ?? {}, at.child("describedObject")),
        ...validateIdentifier(object?.metric, at.child("metric")),
        ...validateTarget(object?.target ?? none, at.child("target"), (target) => target.value ?? target.averageValue, [
          "averageValue",
          "must set either a target value or averageValue",
        ]),
      ];
    case "external": {
      const target = external?.target ?? none;
      const errors = [
        ...validateIdentifier(external?.metric, at.child("metric")),
        ...validateTarget(target, at.child("target"), ({ value, averageValue }) => value ?? averageValue, [
          "averageValue",
          "must set either a target value for metric or a per-pod target",
        ]),
      ];
      if (target.value !== undefined && target.averageValue !== undefined)
        errors.push(
          forbiddenField(
            at.child("target", "value"),
            "may not set both a target value for metric and a per-pod target",
          ),
        );
      return errors;
    }
    case "pods":
      return [
        ...validateIdentifier(pods?.metric, at.child("metric")),
        ...validateTarget(pods?.target ?? none, at.child("target"), ({ averageValue }) => averageValue, [
          "averageValue",
          "must specify a positive target averageValue",
        ]),
      ];
    case "resource":
      return [
        ...requiredField(at.child("name"), resource?.name ?? "", "must specify a resource name"),
        ...validateResourceTarget(resource?.target ?? none, at.child("target")),
      ];
    case "containerResource": {
      const { name = "", container = "", target = none } = containerResource ?? {};
      return [
        ...(name === ""
          ? [required(at.child("name"), "must specify a resource name")]
          : validateContainerResourceName(at.child("name"), name)),
        ...(container === ""
          ? [required(at.child("container"), "must specify a container")]
          : invalidFor(at.child("container"), container, isDns1123Label(container))),
        ...validateResourceTarget(target, at.child("target")),
      ];
    }
  }
}

function validateIdentifier({ name }: Partial<MetricIdentifier> = {}, at: Path): FieldError[] {
  return requiredSegment(at.child("name"), name, "must specify a metric name");
}

function validateResourceTarget(target: MetricTarget, at: Path): FieldError[] {
  const errors = validateTarget(
    target,
    at,
    ({ averageUtilization, averageValue }) => averageUtilization ?? averageValue,
    ["averageUtilization", "must set either a target raw value or a target utilization"],
  );
  if (target.averageUtilization !== undefined && target.averageValue !== undefined)
    errors.push(
      forbiddenField(at.child("averageValue"), "may not set both a target raw value and a target utilization"),
    );
  return errors;
}

/** `requiredValue` is the value that there must be; the pair says where and what when there is none. */
function validateTarget(
  target: MetricTarget,
  at: Path,
  requiredValue: (target: MetricTarget) => string | number | undefined,
  [field, detail]: readonly [field: string, detail: string],
): FieldError[] {
  const { type = "", averageUtilization } = target;
  const errors = type === "" ? [required(at.child("type"), "must specify a metric target type")] : [];
  if (type !== "Utilization" && type !== "Value" && type !== "AverageValue")
    errors.push(invalidValue(at.child("type"), type, "must be either Utilization, Value, or AverageValue"));
  for (const each of ["value", "averageValue"] as const) {
    const quantity = target[each];
    if (quantity !== undefined && quantitySign(quantity) !== 1)
      errors.push(invalidValue(at.child(each), quantity, "must be positive"));
  }
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalidValue(at.child("averageUtilization"), averageUtilization, "must be greater than 0"));
  if (requiredValue(target) === undefined) errors.push(required(at.child(field), detail));
  return errors;
}
