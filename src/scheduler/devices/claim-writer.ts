import { type Pod, ResourceClaims, type ResourceResourceClaim, resourceClaimFinalizer } from "../../api/index.ts";
import { type Informer, keyOf, splitKey } from "../../client/index.ts";
import { ChangeWaiters } from "../change-waiters.ts";
import type { PluginContext } from "../plugin.ts";
import type { AllocatedDevices } from "./allocated-devices.ts";
import { isReservedForPod } from "./pod-claims.ts";

/** Writes what was decided for claims. */
export class ClaimWriter {
  readonly #context: PluginContext;
  readonly #claims: Informer<ResourceResourceClaim>;
  readonly #allocated: AllocatedDevices;
  readonly #waiters = new ChangeWaiters();

  constructor(context: PluginContext, allocated: AllocatedDevices) {
    this.#context = context;
    this.#claims = context.informer(ResourceClaims);
    this.#allocated = allocated;
    this.#claims.addHandler(({ object }) => this.#waiters.tell(keyOf(object)));
  }

  /**
   * Gives the claim its devices, if it was to get some, and reserves it for the pod; resolves when the informer shows it.
   * A conflict sends the pod back.
   */
  async reserve(claim: ResourceResourceClaim, pod: Pod, signal: AbortSignal): Promise<void> {
    const { client } = this.#context;
    const key = keyOf(claim);
    let current = this.#claims.get(key) ?? claim;
    const allocation = current.status.allocation ?? this.#allocated.assumedFor(pod.metadata.uid, claim.metadata.uid);
    if (!allocation) throw new Error(`resourceclaim "${claim.metadata.name}" has lost its devices`);
    if (current.status.allocation && isReservedForPod(current, pod)) return;
    const { finalizers = [] } = current.metadata;
    if (!finalizers.includes(resourceClaimFinalizer)) {
      // Before there is something that must be given back.
      const metadata = { ...current.metadata, finalizers: [...finalizers, resourceClaimFinalizer] };
      current = await client.update(ResourceClaims, { ...current, metadata }, { signal });
    }
    const { name, uid } = pod.metadata;
    const reservedFor = [...(current.status.reservedFor ?? []), { resource: "pods", name, uid }];
    const status = { ...current.status, allocation, reservedFor };
    const { metadata } = await client.update(ResourceClaims, { ...current, status }, { subresource: "status", signal });
    const written = Number(metadata.resourceVersion);
    const isSeen = () => {
      const seen = this.#claims.get(key);
      return seen === undefined || Number(seen.metadata.resourceVersion) >= written;
    };
    await this.#waiters.wait([key], isSeen, signal);
  }

  /** Whether nobody but the pod, which cannot use them, would miss the claim's devices. */
  mayDeallocate({ status }: ResourceResourceClaim, pod: Pod): boolean {
    return status.allocation !== undefined && (status.reservedFor ?? []).every(({ uid }) => uid === pod.metadata.uid);
  }

  async deallocate(claim: ResourceResourceClaim, signal: AbortSignal): Promise<void> {
    const { allocation: _, reservedFor: __, ...status } = claim.status;
    const key = splitKey(keyOf(claim));
    this.#context.log.debug("deallocating a claim that keeps its pod from all nodes", key);
    await this.#context.client.update(ResourceClaims, { ...claim, status }, { subresource: "status", signal });
  }
}
