import { apiVersionOf, expired, type KubeObject, type WatchEvent } from "../../api/index.ts";
import type { Clock, Timer } from "../../lib/index.ts";
import {
  type CacheEvent,
  type CacheWatch,
  Compacted,
  type Revision,
  type StoredObject,
  type WatchScope,
} from "../../storage/index.ts";
import type { ObjectRequest } from "./context.ts";
import { candidates } from "./list.ts";
import { checkListOptions } from "./list-options.ts";
import { atRevision, type ResourceStore } from "./resource-store.ts";
import { parseRevision, waitForRead } from "./revision.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** What a watcher is sent: a change with the stored object, whose bytes are shared, or a bookmark. */
export type ServedEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly stored: StoredObject }
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

const bookmarkIntervalMs = 60_000;
/** How long before the end of a watch its last bookmark comes. */
const lastBookmarkMs = 2_000;
/** A watch that names no timeout lasts between this and twice this; as --min-request-timeout of Kubernetes. */
const timeoutSecondsMin = 1800;
/** How many events of the present state are made at a time. */
const initialBatchMax = 500;
const initialEventsEndAnnotation = "k8s.io/initial-events-end";

export interface ObjectWatch {
  /** The changes that the request asks for, as many at a time as are ready. */
  readonly batches: AsyncIterable<readonly ServedEvent[]>;
  /** Aborted when the watch is over, even if its reader has not come to see that yet. */
  readonly over: AbortSignal;
}

/** Throws ApiError 410 when the past is gone. */
export async function watchObjects(request: ObjectRequest): Promise<ObjectWatch> {
  const { options, definition, context, store } = request;
  checkListOptions(options, true);
  const selection = selectionOf(definition, options, request.name);
  const { resourceVersion = "", sendInitialEvents } = options;
  const fromPast = resourceVersion !== "" && resourceVersion !== "0" && sendInitialEvents !== true;
  if (!fromPast || sendInitialEvents) await waitForRead(context, options, request.signal);
  const after = fromPast ? parseRevision(resourceVersion) : context.cache.revision;
  const stop = new AbortController();
  const ends = [stop.signal, context.registry.lifetime(definition), request.signal].filter(
    (each) => each !== undefined,
  );
  const over = AbortSignal.any(ends);
  const changes = openWatch(store, after, over, scopeOf(request, selection));
  try {
    const initial =
      fromPast || sendInitialEvents === false ? undefined : await initialEvents(request, selection, after);
    return { batches: new WatchEvents(request, selection, initial, changes, after, stop), over };
  } catch (error) {
    stop.abort();
    throw error;
  }
}

function openWatch(
  store: ResourceStore,
  after: Revision,
  signal: AbortSignal,
  scope: WatchScope | undefined,
): CacheWatch {
  try {
    return store.cache.watch(after, signal, scope);
  } catch (error) {
    throw asExpired(error, after);
  }
}

function asExpired(error: unknown, after: Revision): unknown {
  if (!(error instanceof Compacted)) return error;
  return expired(`too old resource version: ${after} (${error.oldest - 1})`);
}

function scopeOf({ store, namespace }: ObjectRequest, selection: Selection): WatchScope | undefined {
  if (selection.name !== undefined && (namespace !== "" || !store.definition.namespaced))
    return { key: store.key(namespace, selection.name) };
  // An index files what is in all namespaces, and a selection does not look at the namespace.
  return namespace === "" ? store.indexScope(selection.exact) : { namespace };
}

/**
 * The present state as if it had just come to be, and where it is asked for the mark of its end. What is sent is made when
 * its turn comes: who reads slowly holds no more of it than the list that all share.
 */
async function initialEvents(
  request: ObjectRequest,
  selection: Selection,
  revision: Revision,
): Promise<Iterator<readonly ServedEvent[]>> {
  const { store, definition, options } = request;
  const present = candidates(request, selection);
  const conversion = store.prepare(present);
  if (conversion) await conversion;
  const hasMark = options.sendInitialEvents && options.allowWatchBookmarks;
  const mark = hasMark ? bookmark(definition, revision, { [initialEventsEndAnnotation]: "true" }) : undefined;
  return initialBatches(store, selection, present, mark);
}

function* initialBatches(
  store: ResourceStore,
  selection: Selection,
  present: readonly StoredObject[],
  mark: ServedEvent | undefined,
): Generator<readonly ServedEvent[], undefined> {
  let batch: ServedEvent[] = [];
  for (const each of present) {
    const stored = store.view(each);
    if (!selection.matches(stored.object)) continue;
    batch.push({ type: "ADDED", stored });
    if (batch.length < initialBatchMax) continue;
    yield batch;
    batch = [];
  }
  if (mark) batch.push(mark);
  if (batch.length > 0) yield batch;
}

function bookmark(
  definition: ObjectRequest["definition"],
  revision: Revision,
  annotations?: Readonly<Record<string, string>>,
): ServedEvent {
  const metadata = {
    resourceVersion: String(revision),
    ...(annotations ? { annotations } : {}),
  };
  const object = { kind: definition.kind, apiVersion: apiVersionOf(definition), metadata };
  return { type: "BOOKMARK", object: object as unknown as KubeObject }; // a bookmark has no name and no uid
}

/** The events of a watch. No generator: every event passes here for every watcher, and a promise less is a third less. */
class WatchEvents implements AsyncIterableIterator<readonly ServedEvent[], undefined> {
  readonly #request: ObjectRequest;
  readonly #selection: Selection;
  readonly #changes: CacheWatch;
  readonly #iterator: AsyncIterator<readonly CacheEvent[]>;
  readonly #after: Revision;
  readonly #stop: AbortController;
  readonly #end: Timer;
  readonly #bookmarks: BookmarkTimer | undefined;
  #initial: Iterator<readonly ServedEvent[]> | undefined;

  constructor(
    request: ObjectRequest,
    selection: Selection,
    initial: Iterator<readonly ServedEvent[]> | undefined,
    changes: CacheWatch,
    after: Revision,
    stop: AbortController,
  ) {
    const { context, options } = request;
    const { clock } = context;
    this.#request = request;
    this.#selection = selection;
    this.#initial = initial;
    this.#changes = changes;
    this.#iterator = changes[Symbol.asyncIterator]();
    this.#after = after;
    this.#stop = stop;
    const seconds = options.timeoutSeconds || timeoutSecondsMin * (1 + context.random.next());
    const endMs = clock.monotonicMs() + seconds * 1000;
    this.#end = clock.setTimer(seconds * 1000, () => stop.abort());
    this.#bookmarks = options.allowWatchBookmarks ? new BookmarkTimer(clock, endMs, () => changes.wake()) : undefined;
    void changes.ended.then(this.#finish);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Served> {
    const initial = this.#initial?.next();
    if (initial && !initial.done) return Promise.resolve({ done: false, value: initial.value });
    this.#initial = undefined;
    if (this.#bookmarks?.isDue) {
      this.#bookmarks.restart();
      const mark = bookmark(this.#request.definition, this.#changes.delivered);
      return Promise.resolve({ done: false, value: [mark] });
    }
    return this.#iterator.next().then(this.#serve, this.#fail);
  }

  async return(): Promise<Served> {
    this.#finish();
    return { done: true, value: undefined };
  }

  readonly #serve = ({ done, value }: IteratorResult<readonly CacheEvent[]>): Promise<Served> | Served => {
    if (done) return { done: true, value: undefined };
    const { store } = this.#request;
    const conversion = store.definition.stored?.remote && store.prepare(statesIn(value));
    if (conversion) return conversion.then(() => this.#select(value), this.#fail);
    return this.#select(value);
  };

  #select(changes: readonly CacheEvent[]): Promise<Served> | Served {
    const value = transform(this.#request.store, this.#selection, changes);
    return value.length > 0 ? { done: false, value } : this.next();
  }

  readonly #fail = (error: unknown): never => {
    this.#finish();
    throw asExpired(error, this.#after);
  };

  readonly #finish = () => {
    this.#end.cancel();
    this.#bookmarks?.stop();
    this.#stop.abort();
  };
}

type Served = IteratorResult<readonly ServedEvent[], undefined>;

function* statesIn(changes: readonly CacheEvent[]): Generator<StoredObject> {
  for (const { current, previous } of changes) {
    yield current;
    if (previous) yield previous;
  }
}

/** The changes as they look from inside the selection: what enters it is added, what leaves it is deleted. */
function transform(store: ResourceStore, selection: Selection, changes: readonly CacheEvent[]): readonly ServedEvent[] {
  const served: ServedEvent[] = [];
  for (const change of changes) {
    const event = transformOne(store, selection, change);
    if (event) served.push(event);
  }
  return served;
}

function transformOne(store: ResourceStore, selection: Selection, change: CacheEvent): ServedEvent | undefined {
  const stored = store.view(change.current);
  if (selection.all) return { type: change.type, stored };
  const previous = change.previous && store.view(change.previous);
  const was = previous !== undefined && selection.matches(previous.object);
  if (change.type === "DELETED")
    return was || selection.matches(stored.object) ? { type: "DELETED", stored } : undefined;
  if (selection.matches(stored.object)) return { type: was ? "MODIFIED" : "ADDED", stored };
  // The last state that was selected, under the revision of the change: as the watch cache upstream tells it.
  return was ? { type: "DELETED", stored: lastSelected(previous, change.revision) } : undefined;
}

/** An object has one next version, so all whose selection it leaves with that are told the same. */
function lastSelected(previous: StoredObject, revision: Revision): StoredObject {
  return left.getOrInsertComputed(previous, () => atRevision(previous, revision));
}

const left = new WeakMap<StoredObject, StoredObject>();

/** Says once a minute, and shortly before the watch ends, that a bookmark is due: as the watch cache upstream. */
class BookmarkTimer {
  isDue = false;
  #timer: Timer;
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #onDue: () => void;

  constructor(clock: Clock, endMs: number, onDue: () => void) {
    this.#clock = clock;
    this.#endMs = endMs;
    this.#onDue = onDue;
    this.#timer = this.#start();
  }

  restart(): void {
    this.isDue = false;
    this.#timer = this.#start();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #start(): Timer {
    // Ends are at fractions of a millisecond: what rounding leaves of the last one is no time to wait.
    const lastMs = this.#endMs - lastBookmarkMs - this.#clock.monotonicMs();
    return this.#clock.setTimer(lastMs >= 1 ? Math.min(lastMs, bookmarkIntervalMs) : bookmarkIntervalMs, () => {
      this.isDue = true;
      this.#onDue();
    });
  }
}

/** The events as watchers inside the program take them, one at a time. No generator, for the same reason. */
export class SingleEvents implements AsyncIterableIterator<WatchEvent, undefined> {
  readonly #batches: AsyncIterator<readonly ServedEvent[]>;
  #batch: readonly ServedEvent[] = [];
  #taken = 0;

  constructor(batches: AsyncIterable<readonly ServedEvent[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Single> {
    const event = this.#batch[this.#taken];
    if (!event) return this.#batches.next().then(this.#take);
    this.#taken++;
    const value = event.type === "BOOKMARK" ? event : { type: event.type, object: event.stored.object };
    return Promise.resolve({ done: false, value });
  }

  async return(): Promise<Single> {
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  readonly #take = ({ done, value }: IteratorResult<readonly ServedEvent[]>): Promise<Single> | Single => {
    if (done) return { done: true, value: undefined };
    this.#batch = value;
    this.#taken = 0;
    return this.next();
  };
}

type Single = IteratorResult<WatchEvent, undefined>;
