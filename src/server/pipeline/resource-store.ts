import { apiVersionOf, type KubeObject, type RemoteConversion, type ResourceDefinition } from "../../api/index.ts";
import { type Awaitable, formatJson } from "../../lib/index.ts";
import {
  objectKey,
  type ResourceCache,
  type Revision,
  resourcePrefix,
  type StoredObject,
  type Value,
  valueFromObject,
  type WatchCache,
  withResourceVersion,
} from "../../storage/index.ts";

const encoder = new TextEncoder();

/** Objects that are sent for conversion in one call. */
const convertedAtOnceMax = 500;

/** The selectable field by which objects are filed: every node's agent asks for its pods by it. */
const indexedField = "spec.nodeName";

/** One served version of a resource over the place where its objects are kept, which may hold them in another version. */
export class ResourceStore {
  readonly definition: ResourceDefinition;
  readonly prefix: string;
  readonly cache: ResourceCache;
  readonly #isIndexed: boolean;
  /** Objects in this version whose stored form is of another, made once for each stored object. */
  readonly #views = new WeakMap<StoredObject, StoredObject>();
  /** Those that a webhook is converting: whoever wants the same waits for the same answer. */
  readonly #conversions = new Map<StoredObject, Promise<void>>();

  constructor(definition: ResourceDefinition, cache: WatchCache) {
    this.definition = definition;
    this.prefix = resourcePrefix(definition);
    this.cache = cache.resource(this.prefix);
    const value = definition.selectableFields[indexedField];
    if (value && !definition.stored) this.cache.addIndex(indexedField, value);
    this.#isIndexed = value !== undefined && !definition.stored;
  }

  /** Where exactly the objects are filed that a selection with these fields can want. */
  indexScope(exact: (field: string) => string | undefined): { index: string; value: string } | undefined {
    const value = this.#isIndexed ? exact(indexedField) : undefined;
    return value ? { index: indexedField, value } : undefined;
  }

  key(namespace: string, name: string): string {
    return objectKey(this.definition, this.definition.namespaced ? namespace : undefined, name);
  }

  /** The object as this version shows it; where versions are converted by a webhook, after `prepare`. */
  view(stored: StoredObject): StoredObject {
    const conversion = this.definition.stored;
    if (!conversion) return stored;
    let view = this.#views.get(stored);
    if (!view) {
      view = shownAs(stored, conversion.fromStored(stored.object));
      this.#views.set(stored, view);
    }
    return view;
  }

  /**
   * What has to be waited for before `view` can show these: a webhook's conversions, in few calls. undefined when that
   * is nothing. Rejects with an ApiError when a conversion fails.
   */
  prepare(objects: Iterable<StoredObject>): Promise<void> | undefined {
    const remote = this.definition.stored?.remote;
    if (!remote) return undefined;
    const missing: StoredObject[] = [];
    const underWay = new Set<Promise<void>>();
    for (const each of objects) {
      if (this.#views.has(each) || remote.isLocal(each.object)) continue;
      const conversion = this.#conversions.get(each);
      if (conversion) underWay.add(conversion);
      else missing.push(each);
    }
    if (missing.length > 0) {
      const conversion = this.#convert(remote, missing).finally(() => {
        for (const each of missing) this.#conversions.delete(each);
      });
      for (const each of missing) this.#conversions.set(each, conversion);
      underWay.add(conversion);
    }
    return underWay.size === 0 ? undefined : Promise.all(underWay).then(() => undefined);
  }

  async #convert(remote: RemoteConversion, objects: readonly StoredObject[]): Promise<void> {
    for (let from = 0; from < objects.length; from += convertedAtOnceMax) {
      const batch = objects.slice(from, from + convertedAtOnceMax);
      const converted = await remote.fromStored(batch.map((each) => each.object));
      for (const [index, each] of batch.entries()) this.#views.set(each, shownAs(each, converted[index]!)); // one for one
    }
  }

  #prepared(stored: StoredObject): Awaitable<StoredObject> {
    const pending = this.prepare([stored]);
    return pending ? pending.then(() => this.view(stored)) : this.view(stored);
  }

  /** One object as this version shows it. Throws ApiError when it cannot be converted. */
  read(namespace: string, name: string): Awaitable<StoredObject | undefined> {
    const stored = this.cache.get(this.key(namespace, name));
    return stored && this.#prepared(stored);
  }

  /** As `read`, for kinds that are never converted by a webhook. */
  get(namespace: string, name: string): StoredObject | undefined {
    const stored = this.cache.get(this.key(namespace, name));
    return stored && this.view(stored);
  }

  /** Whether an object is stored in the version in which it would be stored now. */
  isInStorageVersion(key: string): boolean {
    const conversion = this.definition.stored;
    const stored = conversion && this.cache.get(key)?.object;
    return !stored || stored.apiVersion === apiVersionOf(conversion.definition());
  }

  /** What goes to the store for an object of this version; resourceVersion is left to the revision. */
  value(object: KubeObject): Awaitable<Value> {
    const { apiVersion: _, kind: __, metadata, ...rest } = object;
    const { resourceVersion: ___, ...kept } = metadata;
    const own = { kind: this.definition.kind, apiVersion: apiVersionOf(this.definition), metadata: kept, ...rest };
    // resourceVersion is the one required field that an object to be stored lacks.
    const complete = own as unknown as KubeObject;
    const conversion = this.definition.stored;
    if (!conversion) return valueFromObject(complete);
    if (!conversion.remote) return valueFromObject(conversion.toStored(complete));
    return conversion.remote.toStored(complete).then(valueFromObject);
  }

  /** What was written under `key` at `revision`, as this version shows it. */
  written(
    key: string,
    createRevision: Revision | undefined,
    revision: Revision,
    value: Value,
  ): Awaitable<StoredObject> {
    const cached = this.cache.get(key);
    if (cached?.revision === revision) return this.#prepared(cached);
    const place = { key, createRevision: createRevision ?? revision, revision };
    return this.#prepared(new EncodedObject(place, withResourceVersion(value.object, revision)));
  }

  /** An object that was removed at `revision`, as it was last. */
  last(current: StoredObject, revision: Revision): StoredObject {
    return atRevision(current, revision);
  }

  /** What a dry run answers: the object as it would be, under the revision at which it is now. */
  proposed(key: string, current: StoredObject | undefined, value: Value): Awaitable<StoredObject> {
    const place = { key, createRevision: current?.createRevision ?? 0, revision: current?.revision ?? 0 };
    return this.#prepared(
      new EncodedObject(place, current ? withResourceVersion(value.object, current.revision) : value.object),
    );
  }
}

/** The same object under another revision: what a watcher is told when an object leaves its selection. */
export function atRevision(stored: StoredObject, revision: Revision): StoredObject {
  const { key, createRevision } = stored;
  return new EncodedObject({ key, createRevision, revision }, withResourceVersion(stored.object, revision));
}

/** Another object in the place of a stored one: a subresource of it. */
export function changedObject(stored: StoredObject, object: KubeObject): StoredObject {
  return new EncodedObject(stored, object);
}

/** An object that nothing was changed of keeps its bytes. */
function shownAs(stored: StoredObject, object: KubeObject): StoredObject {
  return object === stored.object ? stored : new EncodedObject(stored, object);
}

type Place = Pick<StoredObject, "key" | "createRevision" | "revision">;

/** An object that was not taken from the cache as it is. */
class EncodedObject implements StoredObject {
  readonly key: string;
  readonly createRevision: Revision;
  readonly revision: Revision;
  readonly object: KubeObject;
  #bytes: Uint8Array | undefined;

  constructor(place: Place, object: KubeObject) {
    this.key = place.key;
    this.createRevision = place.createRevision;
    this.revision = place.revision;
    this.object = object;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= encoder.encode(formatJson(this.object));
    return this.#bytes;
  }
}
