import type { AllocationResult, ResourceResourceClaim } from "../../api/index.ts";
import type { Informer } from "../../client/index.ts";
import { deviceId } from "./inventory.ts";

/** The devices that claims have, and those that were decided on and are not written yet. */
export class AllocatedDevices {
  /** By device, how many claims have it. */
  readonly #counts = new Map<string, number>();
  /** By pod, then by claim, what was decided. */
  readonly #assumed = new Map<string, ReadonlyMap<string, AllocationResult>>();

  /** Follows the claims from here on. */
  constructor(claims: Informer<ResourceResourceClaim>) {
    claims.addHandler((event) => {
      if (event.type === "update") this.#count(event.old.status.allocation, -1);
      this.#count(event.object.status.allocation, event.type === "delete" ? -1 : 1);
    });
  }

  isTaken(id: string): boolean {
    return this.#counts.has(id);
  }

  /** Holds what a pod's claims get until `forget`. */
  assume(podUid: string, allocations: ReadonlyMap<string, AllocationResult>): void {
    if (allocations.size === 0) return;
    this.#assumed.set(podUid, allocations);
    for (const allocation of allocations.values()) this.#count(allocation, 1);
  }

  forget(podUid: string): void {
    for (const allocation of this.#assumed.get(podUid)?.values() ?? []) this.#count(allocation, -1);
    this.#assumed.delete(podUid);
  }

  isAssumed(claimUid: string): boolean {
    return [...this.#assumed.values()].some((allocations) => allocations.has(claimUid));
  }

  assumedFor(podUid: string, claimUid: string): AllocationResult | undefined {
    return this.#assumed.get(podUid)?.get(claimUid);
  }

  #count(allocation: AllocationResult | undefined, change: 1 | -1): void {
    for (const id of idsOf(allocation)) {
      const count = (this.#counts.get(id) ?? 0) + change;
      if (count === 0) this.#counts.delete(id);
      else this.#counts.set(id, count);
    }
  }
}

/** An administrator's access takes a device from nobody. */
function idsOf(allocation: AllocationResult | undefined): string[] {
  return (allocation?.devices?.results ?? [])
    .filter(({ adminAccess }) => !adminAccess)
    .map(({ driver, pool, device }) => deviceId(driver, pool, device));
}
