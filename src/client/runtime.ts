// What runs controllers: from informer events to keys, from keys to reconciles, with backoff, bounds and shutdown.
import { ApiError, apiVersionOf, controllerOf, type KubeObject, type ResourceReference } from "../api/index.ts";
import { type Clock, errorMessage, type Logger, type MetricRegistry, type Random, waitAtMost } from "../lib/index.ts";
import type { Client } from "./client.ts";
import {
  type Cache,
  type ControllerDefinition,
  type EventRecorder,
  type Key,
  keyOf,
  type ReconcileContext,
  type ReconcileResult,
  type WatchAlso,
} from "./controller.ts";
import { createEventRecorder } from "./event-recorder.ts";
import type { Informer } from "./informer.ts";
import type { InformerSet } from "./informer-set.ts";
import { notingClient, OwnWrites } from "./own-writes.ts";
import { WorkQueue } from "./work-queue.ts";
import { type QueueSeries, workQueueMetrics } from "./work-queue-metrics.ts";

/** How a reconcile ended: nothing more to do, look again later, or an exception. */
export type ReconcileOutcome = "done" | "again" | "error";

export interface RuntimeOptions {
  readonly controllers: readonly ControllerDefinition[];
  readonly client: Client;
  /** The client that a controller writes with, when not all share one: each may then do only what its role allows. */
  readonly clientOf?: (controller: string) => Client;
  /** Shared with whoever else reads in this process; its signal should not end before `signal`. */
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called after every reconcile, for metrics. */
  readonly observe?: (controller: string, outcome: ReconcileOutcome, durationMs: number) => void;
  /** Where the queues are counted. */
  readonly metrics?: MetricRegistry;
  /** Where the events of a controller go; to the API when left out. */
  readonly eventsOf?: (controller: string) => EventRecorder;
}

/** Keys at once for a controller that says nothing; kube-controller-manager's usual --concurrent-…-syncs. */
const defaultConcurrency = 5;
/**
 * After a reconcile its key rests for so many times as long as it took, within these bounds, and twice as long as the
 * last time when changes came meanwhile. So the first change is answered at once, and a burst of changes only now and then.
 */
const restFactor = 5;
const restMsMin = 20;
const restMsMax = 200;
/** Up to this when so many keys are never left in peace that each would else be worked on while all others rest. */
const restMsMaxOfMany = 500;

/** No controller waits longer than this for the one before it: what that reads may be a kind that is not served yet. */
const turnMsMax = 100;

/**
 * Runs controllers until `signal` is aborted; resolves when the last reconcile has ended. A controller starts when the
 * informers that it reads have their first list, and they start in their order: the first ones work while the others
 * read. Nothing runs without a cause: an event, a retry, or the time that a reconcile asked for.
 */
export async function runControllers(options: RuntimeOptions): Promise<void> {
  const seriesOf = options.metrics && workQueueMetrics(options.metrics);
  let turn: Promise<void> = Promise.resolve();
  const running = options.controllers.map((definition) => {
    const controller = new RunningController(definition, options, seriesOf?.(definition.name));
    const over = turn.then(() => controller.run());
    turn = turn.then(() => waitAtMost(options.clock, turnMsMax, controller.started));
    return over;
  });
  await Promise.all(running);
}

class RunningController {
  readonly #definition: ControllerDefinition;
  readonly #options: RuntimeOptions;
  readonly #client: Client;
  readonly #log: Logger;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue;
  readonly #series: QueueSeries | undefined;
  readonly #concurrency: number;
  readonly #starting = Promise.withResolvers<void>();
  #active = 0;
  #started = false;
  #pumpScheduled = false;
  #whenIdle: (() => void) | undefined;

  constructor(definition: ControllerDefinition, options: RuntimeOptions, series: QueueSeries | undefined) {
    this.#series = series;
    const { clock, random, signal } = options;
    const client = options.clientOf?.(definition.name) ?? options.client;
    this.#client = client;
    this.#definition = definition;
    this.#options = options;
    this.#concurrency = definition.concurrency ?? defaultConcurrency;
    this.#log = options.log.child({ controller: definition.name });
    const component = definition.recordsAs ?? definition.name;
    this.#events =
      options.eventsOf?.(definition.name) ??
      createEventRecorder({ client, clock, random, component, log: this.#log, signal });
    this.#queue = new WorkQueue(clock, () => this.#schedulePump(), series);
  }

  /** Resolves when all that it reads is there, or when it will not come. */
  get started(): Promise<void> {
    return this.#starting.promise;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const informers = signal.aborted ? [] : this.#wire();
    await Promise.all(informers.map((informer) => informer.synced()));
    this.#starting.resolve();
    if (signal.aborted) return;
    this.#definition.start?.(this.#context(this.#client), (key) => this.#queue.add(key));
    this.#started = true;
    this.#schedulePump();
    await new Promise<void>((resolve) => {
      const stop = () => {
        this.#queue.close();
        if (this.#active === 0) resolve();
        else this.#whenIdle = resolve;
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Makes informer events into keys. */
  #wire(): Informer[] {
    const { watches, indexes = [] } = this.#definition;
    const { informers } = this.#options;
    const used: Informer[] = [];
    for (const { resource, name, values } of indexes) {
      const informer = informers.informer(resource);
      informer.addIndex(name, values);
      used.push(informer);
    }
    if (watches.for) {
      const informer = informers.informer(watches.for);
      informer.addHandler(({ object }) => this.#queue.add(keyOf(object)));
      used.push(informer);
    }
    for (const resource of watches.owns ?? []) {
      if (!watches.for) throw new Error(`${this.#definition.name} owns ${resource.plural} but is for no kind`);
      used.push(this.#wireAlso({ resource, keys: ownerKeys(watches.for) }));
    }
    for (const entry of watches.also ?? []) used.push(this.#wireAlso(entry));
    return used;
  }

  #wireAlso(entry: WatchAlso): Informer {
    const { informers } = this.#options;
    const informer = informers.informer(entry.resource);
    informer.addHandler((event) => {
      const old = event.type === "update" ? event.old : undefined;
      for (const key of entry.keys(event.object, informers, old)) this.#queue.add(key);
    });
    return informer;
  }

  #context(client: Client): ReconcileContext {
    const { clock, random, signal } = this.#options;
    const cache: Cache = this.#options.informers;
    return { client, cache, events: this.#events, clock, random, log: this.#log, signal };
  }

  /** Starts work after the events that are being handed out, so that every handler and index has seen them. */
  #schedulePump(): void {
    if (!this.#started || this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    void Promise.resolve().then(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#active < this.#concurrency) {
      const key = this.#queue.take();
      if (key === undefined) return;
      this.#active++;
      void this.#work(key);
    }
  }

  async #work(key: Key): Promise<void> {
    const { informers, clock, signal, observe } = this.#options;
    const writes = new OwnWrites(informers, clock, signal);
    const startedMs = clock.monotonicMs();
    let outcome: ReconcileOutcome;
    let goesOn = false;
    try {
      const context = this.#context(notingClient(this.#client, writes, signal));
      const result = await this.#definition.reconcile(context, key);
      goesOn = result?.afterMs === 0;
      outcome = this.#requeue(key, result);
    } catch (error) {
      outcome = "error";
      // A failure has a pause of its own.
      goesOn = true;
      if (!signal.aborted) this.#failed(key, error);
    }
    const tookMs = clock.monotonicMs() - startedMs;
    observe?.(this.#definition.name, outcome, tookMs);
    this.#series?.worked.observe(tookMs / 1000);
    // Its place is free only now too, so that a controller with one place always reads what it wrote.
    const seen = await writes.seen();
    if (!seen && !signal.aborted) this.#log.warn("the cache is behind this controller's own writes", { key });
    const restMs = restFactor * tookMs;
    const fairMs = Math.min(restMsMaxOfMany, restMs * this.#queue.restless);
    this.#queue.done(key, goesOn ? 0 : Math.max(restMsMin, restMs), Math.max(restMsMax, fairMs));
    this.#active--;
    if (this.#active === 0) this.#whenIdle?.();
    this.#schedulePump();
  }

  #requeue(key: Key, result: ReconcileResult): ReconcileOutcome {
    this.#queue.forget(key);
    if (!result) return "done";
    this.#queue.addAfter(key, result.afterMs);
    return "again";
  }

  #failed(key: Key, error: unknown): void {
    // A conflict says that the cache was behind: the next try will read what it lacked.
    const level = error instanceof ApiError && error.code === 409 ? "debug" : "warn";
    this.#log[level]("reconcile failed", { key, error: errorMessage(error) });
    this.#queue.addAfterFailure(key);
  }
}

/** The keys of the controllers, of kind `owner`, that manage or managed an object. */
function ownerKeys(owner: ResourceReference) {
  const apiVersion = apiVersionOf(owner);
  return function* (object: KubeObject, _cache: Cache, old: KubeObject | undefined): Iterable<Key> {
    for (const each of old ? [object, old] : [object]) {
      const controller = controllerOf(each);
      if (controller?.kind !== owner.kind || controller.apiVersion !== apiVersion) continue;
      const { namespace } = each.metadata;
      yield owner.namespaced && namespace !== undefined ? `${namespace}/${controller.name}` : controller.name;
    }
  };
}
