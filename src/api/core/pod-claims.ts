// The claims for devices that a pod names.
import type { Pod, PodResourceClaim } from "../types.generated.ts";

/** The name of the claim; "" when the pod needs none after all, undefined while nobody has made it. */
export function claimNameOf(pod: Pod, { name, resourceClaimName }: PodResourceClaim): string | undefined {
  if (resourceClaimName !== undefined) return resourceClaimName;
  const made = pod.status?.resourceClaimStatuses?.find((each) => each.name === name);
  return made && (made.resourceClaimName ?? "");
}
