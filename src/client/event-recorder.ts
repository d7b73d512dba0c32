// Events as people see them in `kubectl describe`: repeated ones are counted up in one object, floods are cut. The rules
// are those of client-go's EventCorrelator (tools/record/events_cache.go).
import { ApiError, type Event, Events, type KubeObject, type NewObject } from "../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random, sleep, timestamp, uuid } from "../lib/index.ts";
import { type Backoff, jitteredBackoffMs } from "./backoff.ts";
import type { Client } from "./client.ts";
import type { EventDetails, EventRecorder } from "./controller.ts";

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  /** Who says it: `kubelet`, `default-scheduler`, `deployment-controller`. */
  readonly component: string;
  /** The node it is said on, for components of nodes. */
  readonly host?: string;
  readonly log: Logger;
  readonly signal?: AbortSignal;
}

/** Of this many events about one object… */
const spamBurst = 25;
/** …one more is allowed in this time. */
const spamRefillMs = 300_000;
/** So many different messages with one reason about one object, each within this time of the last, become one event. */
const similarMax = 10;
const similarWindowMs = 600_000;
const combinedPrefix = "(combined from similar events): ";
/** What is remembered of each kind; the least recently used goes first. */
const memoryMax = 4096;
/** Events that wait to be written; more are dropped. */
const waitingMax = 4096;
const writesAtOnceMax = 8;
const attemptsMax = 12;
const retryBackoff: Backoff = { firstMs: 500, maxMs: 10_000 };
/** The longest name of an object (DNS subdomain, RFC 1123). */
const nameLengthMax = 253;

type EventType = "Normal" | "Warning";

/** One Event object that this recorder keeps, and how much of it is written. */
interface Entry {
  event: NewObject<Event>;
  count: number;
  writtenCount: number;
  waiting: boolean;
}

/** A recorder that writes core/v1 Events in the background; it never fails or delays its caller. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const writer = new EventWriter(options);
  const correlator = new EventCorrelator(options);
  const record = (type: EventType, about: KubeObject, reason: string, message: string, details?: EventDetails) => {
    const entry = correlator.correlate(type, about, reason, message, details);
    if (entry) writer.write(entry);
  };
  return {
    normal: (about, reason, message, details) => record("Normal", about, reason, message, details),
    warning: (about, reason, message, details) => record("Warning", about, reason, message, details),
  };
}

/** Decides which Event object says what happened; no I/O. */
class EventCorrelator {
  readonly #options: EventRecorderOptions;
  readonly #entries = new RecentlyUsed<Entry>(memoryMax);
  readonly #similar = new RecentlyUsed<{ readonly messages: Set<string>; lastMs: number }>(memoryMax);
  readonly #buckets = new RecentlyUsed<{ tokens: number; atMs: number }>(memoryMax);

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** The entry with this event counted in; undefined when there were too many about the object. */
  correlate(
    type: EventType,
    about: KubeObject,
    reason: string,
    message: string,
    details: EventDetails | undefined,
  ): Entry | undefined {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const { namespace = "", name, uid = "" } = about.metadata;
    const object = [about.apiVersion, about.kind, namespace, name, uid].join("\n");
    if (!this.#takeToken(object, nowMs)) return undefined;
    const group = [object, details?.fieldPath ?? "", type, reason].join("\n");
    const combined = this.#isOneOfMany(group, message, nowMs);
    const text = combined ? `${combinedPrefix}${message}` : message;
    const key = combined ? group : `${group}\n${message}`;
    const at = timestamp(clock.now());
    const known = this.#entries.get(key);
    if (known) {
      known.count++;
      known.event = { ...known.event, message: text, lastTimestamp: at, count: known.count };
      return known;
    }
    const event = this.#event(type, about, reason, text, details, at);
    const entry: Entry = { event, count: 1, writtenCount: 0, waiting: false };
    this.#entries.set(key, entry);
    return entry;
  }

  #takeToken(object: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(object) ?? { tokens: spamBurst, atMs: nowMs };
    bucket.tokens = Math.min(spamBurst, bucket.tokens + (nowMs - bucket.atMs) / spamRefillMs);
    bucket.atMs = nowMs;
    this.#buckets.set(object, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #isOneOfMany(group: string, message: string, nowMs: number): boolean {
    let similar = this.#similar.get(group);
    if (!similar || nowMs - similar.lastMs > similarWindowMs) similar = { messages: new Set(), lastMs: nowMs };
    this.#similar.set(group, similar);
    similar.lastMs = nowMs;
    similar.messages.add(message);
    if (similar.messages.size < similarMax) return false;
    // Room for the next message, so that the set stays bounded and the flood stays one event.
    const [first] = similar.messages;
    if (first !== undefined) similar.messages.delete(first);
    return true;
  }

  #event(
    type: EventType,
    about: KubeObject,
    reason: string,
    message: string,
    details: EventDetails | undefined,
    at: string,
  ): NewObject<Event> {
    const { component, host } = this.#options;
    const { namespace, name, uid, resourceVersion } = about.metadata;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: this.#eventName(name),
        namespace: namespace ?? "default",
        ...(details?.annotations ? { annotations: details.annotations } : {}),
      },
      involvedObject: {
        ...(about.apiVersion === undefined ? {} : { apiVersion: about.apiVersion }),
        ...(about.kind === undefined ? {} : { kind: about.kind }),
        ...(namespace === undefined ? {} : { namespace }),
        name,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(details?.fieldPath === undefined ? {} : { fieldPath: details.fieldPath }),
      },
      type,
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
  }

  /** The object's name and the time in nanoseconds, as client-go names events; what the clock lacks is random. */
  #eventName(name: string): string {
    const { clock, random } = this.#options;
    const nanoseconds = BigInt(Math.floor(clock.now())) * 1_000_000n + BigInt(Math.floor(random.next() * 1_000_000));
    const eventName = `${name}.${nanoseconds.toString(16)}`;
    return eventName.length > nameLengthMax ? uuid(random) : eventName;
  }
}

/** Writes entries in the background: what changes while it waits or is being written is written once more, at the end. */
class EventWriter {
  readonly #options: EventRecorderOptions;
  readonly #waiting: Entry[] = [];
  #writing = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  write(entry: Entry): void {
    if (entry.waiting || this.#options.signal?.aborted) return;
    if (this.#waiting.length >= waitingMax) {
      this.#options.log.debug("event dropped: too many are waiting", { message: entry.event.message });
      return;
    }
    entry.waiting = true;
    this.#waiting.push(entry);
    if (this.#writing < writesAtOnceMax) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#writing++;
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) {
      while (entry.writtenCount < entry.count && (await this.#writeOnce(entry)));
      entry.waiting = false;
    }
    this.#writing--;
  }

  /** Whether the entry's present state was written; false when it was given up. */
  async #writeOnce(entry: Entry): Promise<boolean> {
    const { clock, random, log, signal } = this.#options;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { count } = entry;
      try {
        await this.#send(entry);
        entry.writtenCount = count;
        return true;
      } catch (error) {
        if (signal?.aborted || isRefusal(error)) {
          // An event that the server refuses (its namespace is going, say) will be refused again.
          log.debug("event not written", { message: entry.event.message, error: errorMessage(error) });
          return false;
        }
      }
      try {
        await sleep(clock, jitteredBackoffMs(retryBackoff, attempt, random), signal);
      } catch {
        // Only the signal ends a sleep early: the component is being stopped.
        return false;
      }
    }
    log.warn("event not written: the API server does not answer", { message: entry.event.message });
    return false;
  }

  async #send(entry: Entry): Promise<void> {
    const { client, signal } = this.#options;
    const options = signal === undefined ? {} : { signal };
    const { event } = entry;
    const { namespace = "default", name = "" } = event.metadata;
    const update = () => {
      const { count, message, lastTimestamp } = event;
      return client.patch(Events, { namespace, name }, { count, message, lastTimestamp }, options);
    };
    if (entry.writtenCount > 0) {
      try {
        await update();
        return;
      } catch (error) {
        // The event's time to live is over: it is made again.
        if (!(error instanceof ApiError && error.code === 404)) throw error;
      }
    }
    try {
      await client.create(Events, event, options);
    } catch (error) {
      // No two events share a name: it was made, and the answer was lost.
      if (!(error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
      await update();
    }
  }
}

/** Whether the server understood and said no, for good. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.code < 500 && error.code !== 429;
}

/** A map that forgets what was not used for longest. */
class RecentlyUsed<V> {
  readonly #limit: number;
  readonly #values = new Map<string, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#limit) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}
