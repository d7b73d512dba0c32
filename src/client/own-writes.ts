// Why a controller does not do its work twice: after a reconcile its key rests until the cache has seen what was
// written. client-go's controllers count expectations instead, each by its own bookkeeping; here the runtime keeps them
// for all, by resourceVersion, so that a reconcile may trust the cache about everything that it did before.
import type { DeleteOptions, KubeObject, ResourceReference } from "../api/index.ts";
import { type Clock, sleep } from "../lib/index.ts";
import type { Client, ObjectKey, ReadOptions, WriteOptions } from "./client.ts";
import { type Key, keyOf } from "./controller.ts";
import type { Informer } from "./informer.ts";
import type { InformerSet } from "./informer-set.ts";

/**
 * How long a key waits for the cache: as long as client-go's expectations hold. Who went on sooner would do again what it
 * does not see. A watch that is down longer than this has problems that waiting does not mend.
 */
const waitMsMax = 300_000;

/** What one reconcile wrote, and whether the cache has seen it. */
export class OwnWrites {
  readonly #informers: InformerSet;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #pending: { readonly informer: Informer; readonly seen: () => boolean }[] = [];

  constructor(informers: InformerSet, clock: Clock, signal: AbortSignal) {
    this.#informers = informers;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** `written` is what the server answered. */
  noteWrite(resource: ResourceReference, written: KubeObject): void {
    const informer = this.#informers.existing(resource);
    const { resourceVersion, uid } = written.metadata;
    if (!informer || resourceVersion === undefined) return;
    const revision = Number(resourceVersion);
    const key = keyOf(written);
    this.#note(informer, () => {
      if (informer.revision >= revision) return true;
      const cached = informer.get(key);
      return cached?.metadata.uid === uid && Number(cached?.metadata.resourceVersion) >= revision;
    });
  }

  /** To be called before the delete is sent: what is cached then is what must go or be marked. */
  deletion(resource: ResourceReference, key: ObjectKey): () => void {
    const informer = this.#informers.existing(resource);
    const cacheKey: Key = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
    const before = informer?.get(cacheKey);
    return () => {
      if (!informer || !before) return;
      this.#note(informer, () => {
        const cached = informer.get(cacheKey);
        return cached?.metadata.uid !== before.metadata.uid || cached?.metadata.deletionTimestamp !== undefined;
      });
    };
  }

  /** Resolves with true when the cache has seen everything, with false when it took too long or is being stopped. */
  async seen(): Promise<boolean> {
    this.#pending = this.#pending.filter((each) => !each.seen());
    if (this.#pending.length === 0) return true;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#signal]);
    const all = Promise.all(this.#pending.map(({ informer, seen }) => informer.waitUntil(seen, signal)));
    const timeout = sleep(this.#clock, waitMsMax, signal);
    try {
      return await Promise.race([all.then(() => true), timeout.then(() => false)]);
    } catch {
      // The runtime is being stopped.
      return false;
    } finally {
      this.#pending = [];
      // Whichever lost the race ends with this reason; nobody is interested in it.
      all.catch(() => {});
      timeout.catch(() => {});
      over.abort();
    }
  }

  /** An informer that was dropped, because its kind is not served any more, sees nothing more. */
  #note(informer: Informer, seenBy: () => boolean): void {
    const seen = () => informer.stopped || seenBy();
    if (!seen()) this.#pending.push({ informer, seen });
  }
}

/** `client` with every write noted in `writes`, and every call ended by `signal` unless it brings its own. */
export function notingClient(client: Client, writes: OwnWrites, signal: AbortSignal): Client {
  const within = <O extends ReadOptions>(options: O | undefined): O & { signal: AbortSignal } =>
    // Spreading keeps O's own fields; TypeScript cannot see that for a type parameter.
    ({ signal, ...options }) as O & { signal: AbortSignal };
  async function noted<T extends KubeObject>(
    resource: ResourceReference<T>,
    options: WriteOptions | undefined,
    written: Promise<T>,
  ): Promise<T> {
    const object = await written;
    if (options?.dryRun === undefined) writes.noteWrite(resource, object);
    return object;
  }
  return {
    get: (resource, key, options) => client.get(resource, key, within(options)),
    list: (resource, options) => client.list(resource, within(options)),
    watch: (resource, options) => client.watch(resource, options),
    create: (resource, object, options) => noted(resource, options, client.create(resource, object, within(options))),
    update: (resource, object, options) => noted(resource, options, client.update(resource, object, within(options))),
    patch: (resource, key, patch, options) =>
      noted(resource, options, client.patch(resource, key, patch, within(options))),
    async delete(resource, key, options?: ReadOptions & { body?: DeleteOptions }) {
      const note = writes.deletion(resource, key);
      await client.delete(resource, key, within(options));
      if (options?.body?.dryRun === undefined) note();
    },
    deleteCollection: (resource, options) => client.deleteCollection(resource, within(options)),
    createSubresource: (resource, key, subresource, body, options) =>
      client.createSubresource(resource, key, subresource, body, within(options)),
  };
}
