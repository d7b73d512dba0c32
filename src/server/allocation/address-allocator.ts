import { type IPAddress, IPAddresses, type Service, type ServiceCIDR, ServiceCIDRs } from "../../api/index.ts";
import {
  type AddressRange,
  addressAt,
  type Clock,
  canonicalAddress,
  parseAddress,
  parseRange,
  type Random,
  rangeSize,
  timestamp,
  uuid,
} from "../../lib/index.ts";
import { type Change, type ResourceCache, resourcePrefix, type WatchCache } from "../../storage/index.ts";
import { Claims, firstFree } from "./claims.ts";

/** Why an address or a port cannot be had; the words are those of Kubernetes' allocators. */
export class AllocationError extends Error {}

export interface AddressAllocatorOptions {
  readonly cache: WatchCache;
  /** What the server was started with; the ServiceCIDRs that are ready are used too. */
  readonly range: AddressRange;
  /** The range as clients know it: `10.43.0.0/16`. */
  readonly rangeText: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The addresses of Services. Each one that is taken is an IPAddress object, as in Kubernetes since 1.33. */
export class AddressAllocator {
  readonly #options: AddressAllocatorOptions;
  readonly #claims: Claims;
  readonly #serviceCidrs: ResourceCache;

  constructor(options: AddressAllocatorOptions) {
    this.#options = options;
    this.#serviceCidrs = options.cache.resource(resourcePrefix(ServiceCIDRs));
    this.#claims = new Claims(resourcePrefix(IPAddresses), options.cache);
  }

  /** Takes the address that the service asks for. Throws AllocationError. */
  take(text: string, service: Service): Change {
    const address = canonicalAddress(text) ?? "";
    const ranges = this.#ranges();
    if (![...ranges.values()].some((range) => isHostOf(range, address)))
      throw new AllocationError(
        `the provided network does not match the current range: provided IP is not in the valid range. The range of valid IPs is ${[...ranges.keys()].join(", ")}`,
      );
    if (this.#claims.isTaken(address)) throw new AllocationError("provided IP is already allocated");
    return this.#claims.take(address, this.#object(address, service));
  }

  /** Chooses a free address: above the lower band, which is for addresses that people choose, as long as there are. */
  allocate(): string {
    for (const range of this.#ranges().values()) {
      const address = this.#freeIn(range);
      if (address !== undefined) return address;
    }
    throw new AllocationError("range is full");
  }

  /** The ranges that addresses may be taken from, by their texts; the server's own comes first. */
  #ranges(): ReadonlyMap<string, AddressRange> {
    const { range, rangeText } = this.#options;
    const ranges = new Map([[rangeText, range]]);
    for (const { object } of this.#serviceCidrs.list()) {
      const serviceCidr = object as ServiceCIDR; // what is stored under this prefix
      if (!isReady(serviceCidr)) continue;
      for (const text of serviceCidr.spec.cidrs ?? []) {
        const another = parseRange(text);
        if (another) ranges.set(text, another);
      }
    }
    return ranges;
  }

  #freeIn(range: AddressRange): string | undefined {
    const { random } = this.#options;
    const size = rangeSize(range);
    const band = staticBandSize(size);
    const find = (first: number, count: number) => {
      const isTaken = (index: number) => this.#claims.isTaken(addressAt(range, first + index));
      const index = firstFree(count, Math.floor(random.next() * count), isTaken);
      return index === undefined ? undefined : addressAt(range, first + index);
    };
    // Neither the first address, which names the network, nor the last, which is for broadcast.
    return find(band + 1, Math.max(0, size - band - 2)) ?? find(1, Math.min(band, size - 2));
  }

  release(address: string): Change | undefined {
    return this.#claims.release(address);
  }

  #object(address: string, service: Service): IPAddress {
    const { clock, random } = this.#options;
    const { name, namespace = "" } = service.metadata;
    return {
      kind: "IPAddress",
      apiVersion: "networking.k8s.io/v1",
      // The revision under which it is stored is its resourceVersion.
      metadata: {
        name: address,
        uid: uuid(random),
        creationTimestamp: timestamp(clock.now()),
        labels: {
          "ipaddress.kubernetes.io/ip-family": "IPv4",
          "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        },
      } as unknown as IPAddress["metadata"],
      spec: { parentRef: { group: "", resource: "services", namespace, name } },
    };
  }
}

/** One whose controller has not seen it yet counts as ready: pkg/registry/core/service/ipallocator/cidrallocator.go. */
function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True";
}

/** Neither the first address of a range, which names the network, nor the last, which is for broadcast. */
function isHostOf(range: AddressRange, address: string): boolean {
  const value = parseAddress(address);
  return value !== undefined && value > range.base && value < range.base + rangeSize(range) - 1;
}

/** How many of the lowest addresses are left to those who choose: the formula of KEP-3070, min(max(16, size/16), 256). */
function staticBandSize(size: number): number {
  if (size <= 16) return 0;
  return Math.min(Math.max(16, Math.floor(size / 16)), 256);
}
