import {
  type AllocationResult,
  ApiError,
  type Pod,
  ResourceClaims,
  type ResourceResourceClaim,
  resourceClaimFinalizer,
} from "../../api/index.ts";
import { type Informer, keyOf, splitKey } from "../../client/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { ChangeWaiters } from "../change-waiters.ts";
import type { PluginContext } from "../plugin.ts";
import type { AllocatedDevices } from "./allocated-devices.ts";
import { isReservedForPod } from "./pod-claims.ts";

/** How often a claim is written that somebody else writes at the same time: client-go's DefaultRetry. */
const attemptsMax = 5;

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
   * Throws an Error that says what went otherwise meanwhile.
   */
  async reserve(claim: ResourceResourceClaim, pod: Pod, signal: AbortSignal): Promise<void> {
    const key = keyOf(claim);
    const current = this.#claims.get(key) ?? claim;
    const allocation = this.#allocated.assumedFor(pod.metadata.uid, claim.metadata.uid);
    if (!allocation && !current.status.allocation) {
      throw new Error(`resourceclaim "${claim.metadata.name}" has lost its devices`);
    }
    if (!allocation && isReservedForPod(current, pod)) return;
    const { metadata } = await this.#write(current, allocation, pod, signal);
    const written = Number(metadata.resourceVersion);
    const isSeen = () => {
      const seen = this.#claims.get(key);
      return seen === undefined || Number(seen.metadata.resourceVersion) >= written;
    };
    await this.#waiters.wait([key], isSeen, signal);
  }

  async #write(
    claim: ResourceResourceClaim,
    allocation: AllocationResult | undefined,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<ResourceResourceClaim> {
    const { client } = this.#context;
    const key = keyOf(claim);
    const whatFor = allocation ? "add allocation and reservation to" : "add reservation to";
    for (let attempt = 1, current = claim; ; attempt++) {
      if (current.metadata.deletionTimestamp) throw new Error(`claim ${key} got deleted in the meantime`);
      if (allocation && current.status.allocation) {
        throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
      }
      try {
        const { finalizers = [] } = current.metadata;
        if (allocation && !finalizers.includes(resourceClaimFinalizer)) {
          // Before there is something that must be given back.
          const metadata = { ...current.metadata, finalizers: [...finalizers, resourceClaimFinalizer] };
          current = await client.update(ResourceClaims, { ...current, metadata }, { signal });
        }
        const { name, uid } = pod.metadata;
        const reservedFor = [...(current.status.reservedFor ?? []), { resource: "pods", name, uid }];
        const status = { ...current.status, ...(allocation ? { allocation } : {}), reservedFor };
        return await client.update(ResourceClaims, { ...current, status }, { subresource: "status", signal });
      } catch (error) {
        // Somebody else wrote it, a driver for instance: what it is now decides.
        const isConflict = error instanceof ApiError && error.code === 409;
        if (!isConflict || attempt === attemptsMax) throw new Error(`${whatFor} claim ${key}`, { cause: error });
        current = await client.get(ResourceClaims, splitKey(key), { signal });
      }
    }
  }

  /** Takes the pod's reservation back when it did not come to its node; nobody waits for that. */
  unreserve(claim: ResourceResourceClaim, pod: Pod): void {
    if (!claim.status.allocation || !isReservedForPod(claim, pod)) return;
    const { client, log } = this.#context;
    const reservedFor = [{ $patch: "delete", uid: pod.metadata.uid }];
    client
      .patch(
        ResourceClaims,
        splitKey(keyOf(claim)),
        { metadata: { uid: claim.metadata.uid }, status: { reservedFor } },
        { subresource: "status", type: "application/strategic-merge-patch+json" },
      )
      .catch((error: unknown) => {
        // The next failure tries again, and the end of the pod takes it back as well.
        log.debug("reservation not taken back", { claim: keyOf(claim), error: errorMessage(error) });
      });
  }

  /** Whether nobody but the pod, which cannot use them, would miss the claim's devices. */
  mayDeallocate({ status }: ResourceResourceClaim, pod: Pod): boolean {
    return status.allocation !== undefined && (status.reservedFor ?? []).every(({ uid }) => uid === pod.metadata.uid);
  }

  async deallocate(claim: ResourceResourceClaim, signal: AbortSignal): Promise<void> {
    const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status;
    const key = splitKey(keyOf(claim));
    this.#context.log.debug("deallocating a claim that keeps its pod from all nodes", key);
    await this.#context.client.update(ResourceClaims, { ...claim, status }, { subresource: "status", signal });
  }
}
