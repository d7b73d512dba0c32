import { dealHand } from "./hand.ts";

/** A request that waits for its seats. */
export interface Waiting {
  readonly flow: string;
  /** Seats. */
  readonly width: number;
}

/** Where a request that waited came from; says how much it has really taken. */
export interface QueuePlace {
  finished(seatMs: number): void;
}

export interface QueueLimits {
  readonly queues: number;
  readonly handSize: number;
  /** Requests. */
  readonly queueLengthLimit: number;
}

/** What a request is taken to cost until it has ended, as upstream's queueset estimates: milliseconds for each seat. */
const estimatedMs = 3;

class Queue<W extends Waiting> implements QueuePlace {
  readonly requests: W[] = [];
  /** Seats that the waiting requests want. */
  width = 0;
  /** The virtual time at which the next request of this queue begins. */
  start = 0;

  finished(seatMs: number): void {
    this.start += seatMs;
  }
}

/**
 * The waiting requests of one priority level, in as many queues as it has, served by start-time fair queuing (Goyal, Vin,
 * Cheng: SIGCOMM 1996): each request moves the virtual start of its queue on by what it costs, and the queue that is
 * earliest is next. So a flow with many requests and one with few get the same share. Queues exist while anything waits.
 */
export class FairQueue<W extends Waiting> {
  limits: QueueLimits;
  readonly #queues = new Map<number, Queue<W>>();
  #virtualMs = 0;
  #length = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.#length;
  }

  /** Puts the request into the emptiest queue of its flow's hand; false when that is full. */
  push(request: W): boolean {
    const { queues, handSize, queueLengthLimit } = this.limits;
    const hand = dealHand(request.flow, queues, Math.min(handSize, queues));
    let best = hand[0]!; // a hand has at least one queue
    for (const each of hand)
      if ((this.#queues.get(each)?.width ?? 0) < (this.#queues.get(best)?.width ?? 0)) best = each;
    let queue = this.#queues.get(best);
    if (queue && queue.requests.length >= queueLengthLimit) return false;
    if (!queue) {
      queue = new Queue();
      this.#queues.set(best, queue);
    }
    // What was idle has no claim to the time that has passed.
    if (queue.requests.length === 0) queue.start = Math.max(queue.start, this.#virtualMs);
    queue.requests.push(request);
    queue.width += request.width;
    this.#length++;
    return true;
  }

  /** The request that is next; it stays until it is taken. */
  peek(): W | undefined {
    return this.#next()?.requests[0];
  }

  /** Takes the request that is next. */
  take(): { readonly request: W; readonly place: QueuePlace } | undefined {
    const queue = this.#next();
    const request = queue?.requests.shift();
    if (!queue || !request) return undefined;
    this.#virtualMs = queue.start;
    const estimate = request.width * estimatedMs;
    queue.start += estimate;
    this.#removed(queue, request);
    return { request, place: { finished: (seatMs) => queue.finished(seatMs - estimate) } };
  }

  /** Takes out a request that waits no more. */
  remove(request: W): void {
    for (const queue of this.#queues.values()) {
      const at = queue.requests.indexOf(request);
      if (at < 0) continue;
      queue.requests.splice(at, 1);
      this.#removed(queue, request);
      return;
    }
  }

  #removed(queue: Queue<W>, request: W): void {
    queue.width -= request.width;
    this.#length--;
    if (this.#length > 0) return;
    this.#queues.clear();
    this.#virtualMs = 0;
  }

  #next(): Queue<W> | undefined {
    let next: Queue<W> | undefined;
    for (const queue of this.#queues.values())
      if (queue.requests.length > 0 && (!next || queue.start < next.start)) next = queue;
    return next;
  }
}
