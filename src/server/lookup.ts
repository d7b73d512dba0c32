import type { KubeObject, ResourceDefinition } from "../api/index.ts";
import {
  keyBelow,
  objectKey,
  type ResourceCache,
  type Revision,
  resourcePrefix,
  type WatchCache,
} from "../storage/index.ts";

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

/** One kind in the cache. Which of its objects was asked for last is remembered: mostly it is asked for again. */
class Place {
  readonly cache: ResourceCache;
  readonly #prefix: string;
  #namespace: string | undefined;
  #name = "";
  #key: string;

  constructor(cache: WatchCache, prefix: string) {
    this.cache = cache.resource(prefix);
    this.#prefix = prefix;
    this.#key = prefix;
  }

  /** The key of an object. To find a text in a map that was made for that costs V8 ten times as much as the same again. */
  key(namespace: string | undefined, name: string): string {
    if (name !== this.#name || namespace !== this.#namespace) {
      this.#key = keyBelow(this.#prefix, namespace, name);
      this.#namespace = namespace;
      this.#name = name;
    }
    return this.#key;
  }
}

/** The lookup over the server's watch cache. */
export function lookupIn(cache: WatchCache): Lookup {
  // Definitions of custom resources come and go.
  const places = new WeakMap<object, Place>();
  // biome-ignore lint/suspicious/noExplicitAny: definitions of every kind; only their names are read
  const placeOf = (definition: ResourceDefinition<any>): Place => {
    let found = places.get(definition);
    if (!found) {
      found = new Place(cache, resourcePrefix(definition));
      places.set(definition, found);
    }
    return found;
  };
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const cacheOf = (definition: ResourceDefinition<any>) => placeOf(definition).cache;
  // The casts below say what the store guarantees: below a kind's prefix are objects of that kind.
  return {
    get<T extends KubeObject>(definition: ResourceDefinition<T>, namespace: string | undefined, name: string) {
      const place = placeOf(definition);
      return place.cache.get(place.key(namespace, name))?.object as T | undefined;
    },
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
