import type { AddressRange, Clock, Random } from "../../lib/index.ts";
import type { WatchCache } from "../../storage/index.ts";
import type { CommitHook } from "../pipeline/commit-hook.ts";
import { AddressAllocator } from "./address-allocator.ts";
import { PortAllocator } from "./port-allocator.ts";
import { nodePortsDefault, type PortRange } from "./port-range.ts";
import { ServiceAllocation } from "./service-allocation.ts";

export { nodePortsDefault, type PortRange } from "./port-range.ts";
export { ensureServiceCidr } from "./service-cidr.ts";

export interface ServiceAllocationOptions {
  readonly cache: WatchCache;
  /** Where services get their addresses. */
  readonly serviceRange: AddressRange;
  /** The same as text: `10.43.0.0/16`. */
  readonly serviceRangeText: string;
  readonly nodePorts?: PortRange;
  readonly clock: Clock;
  readonly random: Random;
}

/** The commit hook of services. */
export function serviceAllocation(options: ServiceAllocationOptions): CommitHook {
  const { cache, serviceRange: range, serviceRangeText: rangeText, clock, random } = options;
  return new ServiceAllocation(
    new AddressAllocator({ cache, range, rangeText, clock, random }),
    new PortAllocator(cache, options.nodePorts ?? nodePortsDefault, random),
  );
}
