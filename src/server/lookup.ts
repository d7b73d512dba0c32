import type { KubeObject, ResourceDefinition } from "../api/index.ts";
import { objectKey, type ResourceCache, type Revision, resourcePrefix, type WatchCache } from "../storage/index.ts";

/** What the server's guards know of the cluster: reads of what is stored now, at the price of a map access. */
export interface Lookup {
  /** One object; `namespace` is undefined for cluster-scoped kinds. */
  get<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    namespace: string | undefined,
    name: string,
  ): T | undefined;
  /** All of a kind, or those of one namespace, in the order of keys. */
  list<T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string): readonly T[];
  /** How many there are of a kind, or of those of one namespace. */
  count<T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string): number;
  /** Those that an index files under `value`. The index is made at its first use and `of` is the same at every use. */
  byIndex<T extends KubeObject>(definition: ResourceDefinition<T>, index: Index<T>, value: string): readonly T[];
  /** Resolves with the object, at once or as soon as it is made; undefined when the signal comes first. */
  whenThere<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined>;
  /** Grows when an object of the kind changes: what was computed from them holds as long as this stays. */
  lastChange<T extends KubeObject>(definition: ResourceDefinition<T>): Revision;
}

export interface Index<T extends KubeObject> {
  readonly name: string;
  readonly of: (object: T) => string | undefined;
}

/** The lookup over the server's watch cache. */
export function lookupIn(cache: WatchCache): Lookup {
  // Definitions of custom resources come and go.
  const caches = new WeakMap<object, ResourceCache>();
  // biome-ignore lint/suspicious/noExplicitAny: definitions of every kind; only their names are read
  const cacheOf = (definition: ResourceDefinition<any>): ResourceCache => {
    let found = caches.get(definition);
    if (!found) {
      found = cache.resource(resourcePrefix(definition));
      caches.set(definition, found);
    }
    return found;
  };
  // The casts below say what the store guarantees: below a kind's prefix are objects of that kind.
  return {
    get: <T extends KubeObject>(definition: ResourceDefinition<T>, namespace: string | undefined, name: string) =>
      cacheOf(definition).get(objectKey(definition, namespace, name))?.object as T | undefined,
    list: <T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string) =>
      cacheOf(definition)
        .list(namespace)
        .map((each) => each.object as T),
    count: (definition, namespace) => cacheOf(definition).count(namespace),
    byIndex: <T extends KubeObject>(definition: ResourceDefinition<T>, index: Index<T>, value: string) => {
      const objects = cacheOf(definition);
      objects.addIndex(index.name, (object) => index.of(object as T));
      return objects.byIndex(index.name, value).map((each) => each.object as T);
    },
    async whenThere<T extends KubeObject>(
      definition: ResourceDefinition<T>,
      namespace: string | undefined,
      name: string,
      signal: AbortSignal,
    ) {
      const objects = cacheOf(definition);
      const key = objectKey(definition, namespace, name);
      const seen = cache.revision;
      const present = objects.get(key)?.object as T | undefined;
      if (present || signal.aborted) return present;
      for await (const _ of objects.watch(seen, signal, { key })) {
        const made = objects.get(key)?.object as T | undefined;
        if (made) return made;
      }
      return undefined;
    },
    lastChange: (definition) => cacheOf(definition).lastChange,
  };
}
