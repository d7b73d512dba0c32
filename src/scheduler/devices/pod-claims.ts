// The claims for devices that a pod names, and what may be said of them before any node is looked at.
import { claimNameOf, isControlledBy, type Pod, type ResourceResourceClaim } from "../../api/index.ts";
import { type Rejection, unresolvable } from "../rule.ts";

/** How many pods a claim can be reserved for: Kubernetes' ResourceClaimReservedForMaxSize. */
const consumersMax = 256;

const inUse = unresolvable("resourceclaim in use");

export function isReservedForPod({ status }: ResourceResourceClaim, { metadata }: Pod): boolean {
  return (status.reservedFor ?? []).some(({ uid }) => uid === metadata.uid);
}

/** Why the pod has to wait for one of its claims; undefined when it has not. */
export function whyInUse(pod: Pod, claims: readonly ResourceResourceClaim[]): Rejection | undefined {
  const isFull = (claim: ResourceResourceClaim) =>
    claim.status.allocation !== undefined &&
    !isReservedForPod(claim, pod) &&
    (claim.status.reservedFor ?? []).length >= consumersMax;
  return claims.some(isFull) ? inUse : undefined;
}

/** The pod's claims; or why it cannot be scheduled, in kube-scheduler's words. */
export function readClaims(
  pod: Pod,
  get: (key: string) => ResourceResourceClaim | undefined,
): readonly ResourceResourceClaim[] | Rejection {
  const { namespace = "", name: podName } = pod.metadata;
  const found: ResourceResourceClaim[] = [];
  for (const podClaim of pod.spec.resourceClaims ?? []) {
    const name = claimNameOf(pod, podClaim);
    if (name === "") continue;
    if (name === undefined) return unresolvable(`pod "${namespace}/${podName}": ResourceClaim not created yet`);
    const claim = get(`${namespace}/${name}`);
    if (!claim) return unresolvable(`resourceclaim.resource.k8s.io "${name}" not found`);
    if (claim.metadata.deletionTimestamp) return unresolvable(`resourceclaim "${name}" is being deleted`);
    if (podClaim.resourceClaimTemplateName !== undefined && !isControlledBy(claim, pod)) {
      const what = `ResourceClaim ${namespace}/${name} was not created for pod ${namespace}/${podName}`;
      return unresolvable(`${what} (pod is not owner)`);
    }
    found.push(claim);
  }
  return found;
}
