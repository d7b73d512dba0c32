// The seats of the server and how priority levels share them:
// https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#priority-levels
import type { PriorityLevelConfigurationSpec } from "../../api/index.ts";
import { assert } from "../../lib/index.ts";
import type { FairQueue, QueuePlace, Waiting } from "./fair-queue.ts";

/** Why a request was not served, in the words of upstream's metrics. */
export type Rejection = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

/** A request that may go on; whoever has it gives its seats back once. */
export interface Seat {
  release(): void;
}

/** Told of what becomes of a request that has to wait. */
export interface Waiter extends Waiting {
  seated(seat: Seat): void;
}

/** What of the server's seats belongs to a level. */
export interface LevelLimits {
  /** Its share. */
  readonly nominal: number;
  /** What of it is never lent. */
  readonly min: number;
  /** What it may have with what others lend. */
  readonly max: number;
}

/** As upstream divides the server's concurrency (k8s.io/apiserver/pkg/util/flowcontrol/apf_controller.go). */
export function levelLimits(
  spec: PriorityLevelConfigurationSpec,
  sharesOfAll: number,
  serverSeats: number,
): LevelLimits {
  const { nominalConcurrencyShares = 0, lendablePercent = 0 } = spec.limited ?? spec.exempt ?? {};
  const nominal = sharesOfAll === 0 ? 0 : Math.ceil((serverSeats * nominalConcurrencyShares) / sharesOfAll);
  const lendable = Math.round((nominal * lendablePercent) / 100);
  const borrowing = spec.limited?.borrowingLimitPercent;
  const borrowed = borrowing === undefined ? serverSeats : Math.round((nominal * borrowing) / 100);
  return { nominal, min: nominal - lendable, max: nominal + borrowed };
}

/** One priority level: what it may have, what it has, and who waits. */
export class Level {
  readonly name: string;
  limits: LevelLimits = { nominal: 0, min: 0, max: 0 };
  isExempt = false;
  /** Undefined where requests that find no seat are turned away. */
  queue: FairQueue<Waiter> | undefined;
  /** Seats in use. */
  inUse = 0;
  /** Requests under way. */
  executing = 0;

  constructor(name: string) {
    this.name = name;
  }

  get waiting(): number {
    return this.queue?.length ?? 0;
  }

  get isIdle(): boolean {
    return this.executing === 0 && this.waiting === 0;
  }
}

/**
 * All seats. Every level can always use those of its share that it does not lend. The others go to whoever comes while
 * there are free ones; when they run out, levels below their share are served before those that borrow. A level that
 * lent its seats so has them back as soon as requests end, and nothing needs to be adjusted by the clock.
 */
export class Seats {
  readonly #nowMs: () => number;
  #levels: readonly Level[] = [];
  /** The shares of all levels: by rounding up a little more than the server's limit. */
  #total = 0;
  /** What is in use or kept for its level. */
  #taken = 0;
  #waiting = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The levels as they are configured now, and those that still have requests. */
  setLevels(levels: readonly Level[]): void {
    this.#levels = levels;
    this.#total = 0;
    this.#taken = 0;
    this.#waiting = 0;
    for (const each of levels) {
      if (each.isExempt) continue;
      this.#total += each.limits.nominal;
      this.#taken += Math.max(each.inUse, each.limits.min);
      this.#waiting += each.waiting;
    }
    this.#serveWaiting();
  }

  /** A seat at once; undefined when there is none. */
  tryTake(level: Level, width: number): Seat | undefined {
    if (level.isExempt) return this.#take(level, width, undefined);
    if (level.waiting > 0 || !this.#hasRoom(level, width)) return undefined;
    if (this.#waiting > 0 && borrows(level, width) && this.#lenderWaits()) return undefined;
    return this.#take(level, width, undefined);
  }

  /** Lets the request wait; says why when it cannot. */
  wait(level: Level, waiter: Waiter): Rejection | undefined {
    if (!level.queue) return "concurrency-limit";
    if (!level.queue.push(waiter)) return "queue-full";
    this.#waiting++;
    return undefined;
  }

  /** Takes back a request that waits. */
  leave(level: Level, waiter: Waiter): void {
    const before = level.waiting;
    level.queue?.remove(waiter);
    this.#waiting -= before - level.waiting;
  }

  #hasRoom({ inUse, limits: { min, max } }: Level, width: number): boolean {
    // One request may be wider than its level: then it goes alone.
    if (inUse > 0 && inUse + width > max) return false;
    const growth = Math.max(inUse + width, min) - Math.max(inUse, min);
    return growth === 0 || this.#taken + growth <= this.#total;
  }

  #take(level: Level, width: number, place: QueuePlace | undefined): Seat {
    const startMs = this.#nowMs();
    this.#use(level, width);
    level.executing++;
    let released = false;
    return {
      release: () => {
        assert(!released, "a seat is given back once");
        released = true;
        level.executing--;
        this.#use(level, -width);
        place?.finished((this.#nowMs() - startMs) * width);
        if (this.#waiting > 0) this.#serveWaiting();
      },
    };
  }

  #use(level: Level, width: number): void {
    const { min } = level.limits;
    const before = Math.max(level.inUse, min);
    level.inUse += width;
    if (!level.isExempt) this.#taken += Math.max(level.inUse, min) - before;
  }

  #serveWaiting(): void {
    for (let level = this.#nextLevel(); level; level = this.#nextLevel()) {
      const taken = level.queue?.take();
      if (!taken) return;
      this.#waiting--;
      taken.request.seated(this.#take(level, taken.request.width, taken.place));
    }
  }

  /** The level that has the least of its share among those that have a request with room. */
  #nextLevel(): Level | undefined {
    let next: Level | undefined;
    for (const each of this.#levels) {
      const width = each.queue?.peek()?.width;
      if (width === undefined || !this.#hasRoom(each, width)) continue;
      if (!next || useOf(each) < useOf(next)) next = each;
    }
    return next;
  }

  /** Whether a request waits in a level that has not got its share. */
  #lenderWaits(): boolean {
    return this.#levels.some((each) => {
      const width = each.queue?.peek()?.width;
      return width !== undefined && !borrows(each, width);
    });
  }
}

function borrows({ inUse, limits }: Level, width: number): boolean {
  return inUse + width > limits.nominal;
}

function useOf({ inUse, limits }: Level): number {
  return inUse / Math.max(limits.nominal, 1);
}
