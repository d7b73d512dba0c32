import { compareQuantities, quantitySign } from "../meta/quantity.ts";
import type { Pod, ResourceRequirements } from "../types.generated.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const computeResources = ["cpu", "memory"] as const;

/**
 * The quality of service class that the pod's spec gives it: what the pod asks for as a whole decides, else all its
 * containers together. https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
export function podQos(pod: Pick<Pod, "spec">): QosClass {
  const { spec } = pod;
  const whole = spec.resources && (hasAny(spec.resources.requests) || hasAny(spec.resources.limits));
  const requirements = whole
    ? [spec.resources]
    : [...spec.containers, ...(spec.initContainers ?? [])].map((container) => container.resources);
  if (requirements.every(asksForNothing)) return "BestEffort";
  return requirements.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

function hasAny(list: Readonly<Record<string, string>> | undefined): boolean {
  return Object.keys(list ?? {}).length > 0;
}

function asksForNothing(resources: ResourceRequirements | undefined): boolean {
  return computeResources.every(
    (name) => !isPositive(resources?.requests?.[name]) && !isPositive(resources?.limits?.[name]),
  );
}

function isGuaranteed(resources: ResourceRequirements | undefined): boolean {
  return computeResources.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name];
    if (limit === undefined || !isPositive(limit)) return false;
    return request === undefined ? false : compareQuantities(request, limit) === 0;
  });
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && quantitySign(quantity) > 0;
}
