// The one shape of a controller. The runtime (runtime.ts) owns queue, de-duplication, backoff, concurrency and shutdown.
import type { KubeObject, ResourceReference } from "../api/index.ts";
import type { Clock, Logger, Random } from "../lib/index.ts";
import type { Client } from "./client.ts";

/** `namespace/name`, or `name` for cluster-scoped kinds; the runtime's queue holds these. */
export type Key = string;

/** What a controller may read without asking the server: the informers' caches, at most a moment behind. */
export interface Cache {
  get<T extends KubeObject>(resource: ResourceReference<T>, key: Key): T | undefined;
  /** Everything cached, or what is in one namespace; the order is that of keys. */
  list<T extends KubeObject>(resource: ResourceReference<T>, namespace?: string): readonly T[];
  /** The objects whose controller reference names `owner`'s uid. */
  ownedBy<T extends KubeObject>(resource: ResourceReference<T>, owner: Owner): readonly T[];
  /** The objects that an index of the informer files under `value`; see `Watches.indexes`. */
  byIndex<T extends KubeObject>(resource: ResourceReference<T>, index: string, value: string): readonly T[];
}

/** Whatever has a uid: an object, or all that is left of one. */
export interface Owner {
  readonly metadata: { readonly uid: string };
}

/** Writes Events about objects; repeated ones are counted up, as Kubernetes does, and never fail the caller. */
export interface EventRecorder {
  normal(about: KubeObject, reason: string, message: string, details?: EventDetails): void;
  warning(about: KubeObject, reason: string, message: string, details?: EventDetails): void;
}

export interface EventDetails {
  /** Which part of the object: `spec.containers{web}`. */
  readonly fieldPath?: string;
  /** Of the event, for programs. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ReconcileContext {
  readonly client: Client;
  readonly cache: Cache;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Undefined: done until something changes. `afterMs`: look again then; 0: not finished. An exception: again, with backoff. */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that falls off its end is done
export type ReconcileResult = { readonly afterMs: number } | void;

export interface WatchAlso<T extends KubeObject = KubeObject> {
  readonly resource: ResourceReference<T>;
  /** The keys to reconcile when `object` changed (`old` is what it was, when it was there). */
  readonly keys: (object: T, cache: Cache, old: T | undefined) => Iterable<Key>;
}

export interface Watches {
  /** Each object of this kind is a key. */
  readonly for?: ResourceReference;
  /** Kinds whose controller owner (of kind `for`) is reconciled when they change. */
  readonly owns?: readonly ResourceReference[];
  // biome-ignore lint/suspicious/noExplicitAny: each entry has a kind of its own; `also()` checks it where it is written
  readonly also?: readonly WatchAlso<any>[];
}

export interface ControllerDefinition {
  readonly name: string;
  /** Who its events say they are of, where Kubernetes has another name for that. */
  readonly recordsAs?: string;
  readonly watches: Watches;
  /** How many keys at once; one key is never reconciled twice at once. */
  readonly concurrency?: number;
  /** Extra indexes on the caches that this controller reads. */
  readonly indexes?: readonly IndexDefinition[];
  /** For kinds that are only known while it runs: called once, before the first reconcile; `enqueue` adds a key. */
  readonly start?: (context: ReconcileContext, enqueue: (key: Key) => void) => void;
  readonly reconcile: (context: ReconcileContext, key: Key) => Promise<ReconcileResult>;
}

export interface IndexDefinition<T extends KubeObject = KubeObject> {
  readonly resource: ResourceReference<T>;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly values: (object: any) => Iterable<string>;
}

export function defineController(definition: ControllerDefinition): ControllerDefinition {
  return definition;
}

/** Types one entry of `watches.also`. */
export function also<T extends KubeObject>(
  resource: ResourceReference<T>,
  keys: (object: T, cache: Cache, old: T | undefined) => Iterable<Key>,
): WatchAlso<T> {
  return { resource, keys };
}

export function keyOf(object: KubeObject): Key {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function splitKey(key: Key): { namespace?: string; name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
