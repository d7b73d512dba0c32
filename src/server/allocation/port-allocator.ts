import type { KubeObject, Service } from "../../api/index.ts";
import type { Random } from "../../lib/index.ts";
import { type Change, registryPrefix, type WatchCache } from "../../storage/index.ts";
import { AllocationError } from "./address-allocator.ts";
import { Claims, firstFree } from "./claims.ts";
import { formatPortRange, type PortRange } from "./port-range.ts";

/** Where the ports that are taken are kept; no kind of the API, so nothing serves them. */
const prefix = `${registryPrefix}core/nodeports/`;

/** The ports that Services have on every node. */
export class PortAllocator {
  readonly #claims: Claims;
  readonly #range: PortRange;
  readonly #random: Random;

  constructor(cache: WatchCache, range: PortRange, random: Random) {
    this.#claims = new Claims(prefix, cache);
    this.#range = range;
    this.#random = random;
  }

  /** Takes the port that the service asks for. Throws AllocationError. */
  take(port: number, service: Service): Change {
    const { first, last } = this.#range;
    if (port < first || port > last)
      throw new AllocationError(
        `provided port is not in the valid range. The range of valid ports is ${formatPortRange(this.#range)}`,
      );
    if (this.#claims.isTaken(String(port))) throw new AllocationError("provided port is already allocated");
    const { namespace = "", name } = service.metadata;
    // A note for people who read the store: whose port it is.
    const object = { metadata: { name: String(port), annotations: { service: `${namespace}/${name}` } } };
    return this.#claims.take(String(port), object as unknown as KubeObject);
  }

  /**
   * Chooses a free port that is not among `others`, which one service chose before in the same write: above the lower
   * band, which is for ports that people choose, as long as there are.
   */
  allocate(others: ReadonlySet<number>): number {
    const { first, last } = this.#range;
    const size = last - first + 1;
    const band = staticPortBandSize(size);
    const find = (base: number, count: number) => {
      const isTaken = (index: number) => others.has(base + index) || this.#claims.isTaken(String(base + index));
      const index = firstFree(count, Math.floor(this.#random.next() * count), isTaken);
      return index === undefined ? undefined : base + index;
    };
    const port = find(first + band, size - band) ?? find(first, band);
    if (port === undefined) throw new AllocationError("range is full");
    return port;
  }

  release(port: number): Change | undefined {
    return this.#claims.release(String(port));
  }
}

/** How many of the lowest ports are left to those who choose: the formula of KEP-3668, min(max(16, size/32), 128). */
function staticPortBandSize(size: number): number {
  if (size <= 16) return 0;
  return Math.min(Math.max(16, Math.floor(size / 32)), 128);
}
