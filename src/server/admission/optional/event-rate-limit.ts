import {
  type Event,
  Events,
  type Fields,
  invalidValue,
  notSupported,
  readConfiguration,
  required,
  tooManyRequests,
} from "../../../api/index.ts";
import type { Clock } from "../../../lib/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";

/** What is counted together. */
const keys = {
  Server: () => "",
  Namespace: ({ namespace }: AdmissionRequest) => namespace,
  User: ({ user }: AdmissionRequest) => user.name,
  SourceAndObject: ({ object }: AdmissionRequest) => {
    const { source, involvedObject: about } = (object ?? {}) as Partial<Event>; // the request is about events
    const texts = [source?.component, source?.host, about?.kind, about?.namespace, about?.name, about?.uid];
    return [...texts, about?.apiVersion].join("");
  },
} as const;
type LimitType = keyof typeof keys;

export interface EventLimit {
  readonly type: LimitType;
  /** Events a second, in the long run. */
  readonly qps: number;
  /** How many may come at once. */
  readonly burst: number;
  /** How many keys are kept; the one that was not used for longest starts anew. */
  readonly cacheSize: number;
}

const cacheSizeDefault = 4096;

/** Configuration of eventratelimit.admission.k8s.io. Throws an Error that says what is wrong. */
export function readEventLimits(value: unknown): readonly EventLimit[] {
  const read = (fields: Fields) => {
    const limits = fields.objects("limits");
    if (limits.length === 0) fields.errors.add(required(fields.at.child("limits"), "must not be empty"));
    return limits.map(readLimit);
  };
  return readConfiguration(value, "Configuration", read, "eventratelimit.admission.k8s.io", ["v1alpha1"]);
}

function readLimit(fields: Fields): EventLimit {
  const { errors, at } = fields;
  const text = fields.text("type");
  const type = (Object.keys(keys) as LimitType[]).find((each) => each === text);
  if (!type) errors.add(notSupported(at.child("type"), text, Object.keys(keys)));
  const positive = (name: string) => {
    const given = fields.wholeNumber(name) ?? 0;
    if (given <= 0) errors.add(invalidValue(at.child(name), given, "must be positive"));
    return given;
  };
  const limit = { qps: positive("qps"), burst: positive("burst") };
  const cacheSize = fields.wholeNumber("cacheSize") ?? 0;
  if (cacheSize < 0) errors.add(invalidValue(at.child("cacheSize"), cacheSize, "must not be negative"));
  fields.done();
  return { ...limit, type: type ?? "Server", cacheSize: cacheSize || cacheSizeDefault };
}

/** Events beyond the limits are refused with 429. */
export function eventRateLimit(limits: readonly EventLimit[], clock: Clock): AdmissionPlugin {
  const buckets = limits.map((limit) => new TokenBuckets(limit, clock));
  return {
    name: "EventRateLimit",
    validate(request) {
      const { definition, operation } = request;
      if (definition.kind !== Events.kind || (operation !== "CREATE" && operation !== "UPDATE")) return;
      // Each limit counts the event, whether another refuses it or not.
      const reached = limits.filter(({ type }, index) => !buckets[index]!.take(keys[type](request)));
      const last = reached.at(-1);
      if (last) throw tooManyRequests(`limit reached on type ${last.type} for key ${keys[last.type](request)}`, 1);
    },
  };
}

/** A bucket for each key, the least used forgotten first. */
class TokenBuckets {
  readonly #limit: EventLimit;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(limit: EventLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Whether there was one left for the key. */
  take(key: string): boolean {
    const { qps, burst, cacheSize } = this.#limit;
    const atMs = this.#clock.monotonicMs();
    const before = this.#buckets.get(key);
    const tokens = before ? Math.min(burst, before.tokens + ((atMs - before.atMs) / 1000) * qps) : burst;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > cacheSize && oldest !== undefined) this.#buckets.delete(oldest);
    return tokens >= 1;
  }
}
