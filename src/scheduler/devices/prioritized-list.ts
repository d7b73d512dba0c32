// How far claims get what they would rather have: https://kep.k8s.io/4816
import type { AllocationResult, ResourceResourceClaim } from "../../api/index.ts";

/** How many alternatives a request can have: Kubernetes' FirstAvailableDeviceRequestMaxSize. */
const alternativesMax = 8;

/** Whether the claim names alternatives. */
export function hasAlternatives({ spec }: ResourceResourceClaim): boolean {
  return (spec.devices?.requests ?? []).some(({ firstAvailable = [] }) => firstAvailable.length > 0);
}

/** The more, the earlier the alternatives are that the claims get. */
export function preferenceMet(
  claims: readonly ResourceResourceClaim[],
  allocations: ReadonlyMap<string, AllocationResult>,
): number {
  let sum = 0;
  for (const { metadata, spec } of claims) {
    const given = new Set((allocations.get(metadata.uid)?.devices?.results ?? []).map(({ request }) => request));
    for (const { name, firstAvailable = [] } of spec.devices?.requests ?? []) {
      const index = firstAvailable.findIndex((alternative) => given.has(`${name}/${alternative.name}`));
      if (index >= 0) sum += alternativesMax - index;
    }
  }
  return sum;
}
