import {
  ApiError,
  type FlowSchema,
  FlowSchemas,
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  type PriorityLevelConfiguration,
  PriorityLevelConfigurations,
  type User,
} from "../../api/index.ts";
import { type Clock, MetricRegistry, type Timer } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import { FairQueue } from "./fair-queue.ts";
import {
  bySchemaOrder,
  distinguisherOf,
  type FlowRequest,
  type FlowRule,
  flowRules,
  isAbout,
  matchesRules,
} from "./flow.ts";
import { FlowMetrics, type FlowSeries } from "./flow-metrics.ts";
import { widthIn } from "./request-width.ts";
import { Level, levelLimits, type Rejection, type Seat, Seats } from "./seats.ts";

/** Leave to go on, held until the request has ended. */
export interface FlowTicket {
  release(): void;
}

/** There is no place for a request now. Over HTTP clients get the sentence as text (apiserver, tooManyRequests). */
export class TurnedAway extends ApiError {
  constructor() {
    super(429, "TooManyRequests", "Too many requests, please try again later.", { retryAfterSeconds: 1 });
  }
}

/** What was found of a request: the flow it belongs to, and the headers that say so. */
export interface Classified {
  readonly headers: Readonly<Record<string, string>>;
  readonly flow: string;
  readonly level: Level;
  readonly series: FlowSeries;
}

export interface FlowControlOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** Seats of the whole server; the sum of Kubernetes' --max-requests-inflight and --max-mutating-requests-inflight when left out. */
  readonly seats?: number;
  /** How long a request may wait for a seat; a quarter of Kubernetes' --request-timeout when left out. */
  readonly waitMsMax?: number;
  readonly metrics?: MetricRegistry;
}

const seatsDefault = 400 + 200;
const waitMsMaxDefault = 15_000;

/** A flow schema with the level that it leads to. */
interface Entry extends Omit<Classified, "flow"> {
  readonly schema: FlowSchema;
  readonly rules: readonly FlowRule[];
}

/**
 * API priority and fairness: which requests may run, which wait and which are turned away, by the flow schemas and
 * priority levels that are stored now. A request that need not wait costs a walk over the schemas and a few additions.
 */
export class FlowControl {
  readonly #lookup: Lookup;
  readonly #clock: Clock;
  readonly #serverSeats: number;
  readonly #waitMsMax: number;
  readonly #metrics: FlowMetrics;
  readonly #seats: Seats;
  /** Those that are configured, and those that were and have requests left. */
  #levels = new Map<string, Level>();
  #entries: readonly Entry[] = [];
  #entriesByUser = new WeakMap<User, readonly Entry[]>();
  #schemasChange = -1;
  #levelsChange = -1;

  constructor({ lookup, clock, seats, waitMsMax, metrics }: FlowControlOptions) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#serverSeats = seats ?? seatsDefault;
    this.#waitMsMax = waitMsMax ?? waitMsMaxDefault;
    this.#seats = new Seats(() => clock.monotonicMs());
    this.#metrics = new FlowMetrics(metrics ?? new MetricRegistry(), () => this.#levels.values());
  }

  /** The first schema that matches; the last of them, catch-all, matches everybody. */
  classify(request: FlowRequest): Classified {
    this.#refresh();
    for (const entry of this.#entriesAbout(request.user)) {
      if (!matchesRules(entry.rules, request)) continue;
      const { headers, level, series } = entry;
      // Only those that wait need to be told apart.
      const flow = level.queue ? `${entry.schema.metadata.name}/${distinguisherOf(entry.schema, request)}` : "";
      return { headers, level, series, flow };
    }
    throw new TurnedAway(); // a user in neither of the groups that everybody is in
  }

  /** The schemas with rules about a user, and those rules; authenticators give the same object for the same user again. */
  #entriesAbout(user: User): readonly Entry[] {
    let entries = this.#entriesByUser.get(user);
    if (!entries) {
      entries = this.#entries.flatMap((entry) => {
        const rules = entry.rules.filter((rule) => isAbout(rule, user));
        return rules.length > 0 ? [{ ...entry, rules }] : [];
      });
      this.#entriesByUser.set(user, entries);
    }
    return entries;
  }

  /**
   * A ticket at once, or when there is room. Throws, and rejects with, the 429 when there is none. `client` is asked for
   * its signal when the request has to wait, which ends with it.
   */
  admit(
    classified: Classified,
    width: number,
    client: { readonly signal: AbortSignal },
  ): FlowTicket | Promise<FlowTicket> {
    const { level } = classified;
    const seats = widthIn(level.limits.nominal, width);
    const seat = this.#seats.tryTake(level, seats);
    return seat ? this.#ticket(classified, seat) : this.#wait(classified, seats, client.signal);
  }

  #ticket({ series }: Classified, seat: Seat): FlowTicket {
    series.dispatched.add();
    const startMs = this.#clock.monotonicMs();
    return {
      release: () => {
        seat.release();
        series.execution.observe((this.#clock.monotonicMs() - startMs) / 1000);
      },
    };
  }

  #wait(classified: Classified, width: number, signal: AbortSignal): Promise<FlowTicket> {
    const { level, flow, series } = classified;
    const startMs = this.#clock.monotonicMs();
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const ended = () => {
        timer?.cancel();
        signal.removeEventListener("abort", onAbort);
        series.wait.observe((this.#clock.monotonicMs() - startMs) / 1000);
      };
      const waiter = {
        flow,
        width,
        seated: (seat: Seat) => {
          ended();
          resolve(this.#ticket(classified, seat));
        },
      };
      const giveUp = (reason: Rejection) => {
        ended();
        this.#seats.leave(level, waiter);
        reject(this.#refusal(series, reason));
      };
      const onAbort = () => giveUp("cancelled");
      const refused = signal.aborted ? "cancelled" : this.#seats.wait(level, waiter);
      if (refused) {
        reject(this.#refusal(series, refused));
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      timer = this.#clock.setTimer(this.#waitMsMax, () => giveUp("time-out"));
    });
  }

  #refusal(series: FlowSeries, reason: Rejection): Error {
    series.rejected(reason).add();
    return new TurnedAway();
  }

  #refresh(): void {
    const schemasChange = this.#lookup.lastChange(FlowSchemas);
    const levelsChange = this.#lookup.lastChange(PriorityLevelConfigurations);
    if (schemasChange === this.#schemasChange && levelsChange === this.#levelsChange) return;
    this.#schemasChange = schemasChange;
    this.#levelsChange = levelsChange;
    const configurations = withMandatory(
      this.#lookup.list(PriorityLevelConfigurations),
      mandatoryPriorityLevels,
    ) as PriorityLevelConfiguration[]; // only their names, uids and specs are read
    const schemas = withMandatory(this.#lookup.list(FlowSchemas), mandatoryFlowSchemas) as FlowSchema[]; // as above
    this.#setLevels(configurations);
    const uids = new Map(configurations.map(({ metadata }) => [metadata.name, metadata.uid]));
    this.#entriesByUser = new WeakMap();
    this.#entries = schemas.sort(bySchemaOrder).flatMap((schema) => {
      const { name } = schema.spec.priorityLevelConfiguration;
      const level = uids.has(name) ? this.#levels.get(name) : undefined;
      if (!level) return []; // dangling, as its status says
      const headers = {
        "x-kubernetes-pf-flowschema-uid": schema.metadata.uid,
        "x-kubernetes-pf-prioritylevel-uid": uids.get(name) ?? "",
      };
      return [
        {
          schema,
          rules: flowRules(schema),
          level,
          headers,
          series: this.#metrics.seriesOf(schema.metadata.name, name),
        },
      ];
    });
  }

  #setLevels(configurations: readonly PriorityLevelConfiguration[]): void {
    const levels = new Map<string, Level>();
    const sharesOf = ({ spec }: PriorityLevelConfiguration) =>
      (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? 0;
    const shares = configurations.reduce((sum, each) => sum + sharesOf(each), 0);
    for (const { metadata, spec } of configurations) {
      const level = this.#levels.get(metadata.name) ?? new Level(metadata.name);
      level.limits = levelLimits(spec, shares, this.#serverSeats);
      level.isExempt = spec.type === "Exempt";
      const queuing = spec.limited?.limitResponse?.queuing;
      const { queues = 64, handSize = 8, queueLengthLimit = 50 } = queuing ?? {};
      if (queuing && level.queue) level.queue.limits = { queues, handSize, queueLengthLimit };
      else if (queuing) level.queue = new FairQueue({ queues, handSize, queueLengthLimit });
      else if (level.waiting === 0) level.queue = undefined;
      levels.set(metadata.name, level);
    }
    for (const [name, level] of this.#levels) {
      // What it has it ends with the seats that were its own.
      if (!levels.has(name) && !level.isIdle) levels.set(name, level);
    }
    this.#levels = levels;
    this.#seats.setLevels([...levels.values()]);
  }
}

/** Those that are stored, and the mandatory ones in the place of what is not. */
function withMandatory(
  stored: readonly { readonly metadata: { readonly name: string } }[],
  mandatory: ReadonlyMap<string, object>,
): object[] {
  const names = new Set(stored.map(({ metadata }) => metadata.name));
  const missing = [...mandatory].filter(([name]) => !names.has(name));
  return [...stored, ...missing.map(([name, spec]) => ({ metadata: { name, uid: "" }, spec }))];
}
