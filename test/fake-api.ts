// A small API server for tests of the client: one map, one history, and ways to make it fail.
import {
  alreadyExists,
  conflict,
  expired,
  type KubeObject,
  notFound,
  type ResourceHandler,
  type ResourceRequest,
  type ResourceResponse,
  type User,
  type WatchEvent,
} from "../src/api/index.ts";
import { Channel, deepCopy, deepFreeze } from "../src/lib/index.ts";

interface Change {
  readonly revision: number;
  readonly key: string;
  readonly event: WatchEvent;
}

export class FakeApi implements ResourceHandler {
  readonly requests: { readonly request: ResourceRequest; readonly user: User }[] = [];
  /** Thrown instead of an answer, for the requests that it is given for. */
  failure: (request: ResourceRequest) => Error | undefined = () => undefined;
  #objects = new Map<string, KubeObject>();
  #history: Change[] = [];
  #compacted = 0;
  #revision = 0;
  #held = false;
  #watchers = new Set<{ readonly channel: Channel<WatchEvent>; readonly prefix: string }>();
  #waiting: Change[] = [];

  get watchers(): number {
    return this.#watchers.size;
  }

  count(verb: string, plural: string): number {
    return this.requests.filter(({ request }) => request.verb === verb && request.plural === plural).length;
  }

  /** Watchers see nothing until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const change of this.#waiting.splice(0)) this.#tell(change);
  }

  /** Ends all watches, with an error when one is given. */
  endWatches(error?: Error): void {
    for (const { channel } of [...this.#watchers]) channel.close(error);
  }

  /** Forgets the history: watches from before are refused with 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  bookmark(): void {
    this.#revision++;
    const object = { metadata: { resourceVersion: String(this.#revision) } as KubeObject["metadata"] };
    for (const { channel } of this.#watchers) channel.push({ type: "BOOKMARK", object });
  }

  async handle(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    this.requests.push({ request, user });
    await Promise.resolve();
    const failure = this.failure(request);
    if (failure) throw failure;
    const { verb, group, plural, namespace, name } = request;
    const resource = { group, plural };
    const prefix = `${group}/${plural}/${namespace === undefined ? "" : `${namespace}/`}`;
    const key = `${prefix}${name ?? ""}`;
    const found = this.#objects.get(key);
    switch (verb) {
      case "list": {
        const items = [...this.#objects].filter(([each]) => each.startsWith(prefix)).map(([, object]) => object);
        return {
          type: "list",
          list: { metadata: { resourceVersion: String(this.#revision) }, items },
          warnings: [],
        };
      }
      case "watch":
        return { type: "watch", events: this.#watch(prefix, request), warnings: [] };
      case "create": {
        // The tests send objects.
        const body = request.body as KubeObject;
        if (request.subresource !== undefined) return answer({ kind: request.subresource, of: key, body });
        const createKey = `${prefix}${body.metadata.name}`;
        if (this.#objects.has(createKey)) throw alreadyExists(resource, body.metadata.name);
        return answer(this.#store(createKey, { ...body }, "ADDED"), 201);
      }
      case "get":
        if (!found) throw notFound(resource, name ?? "");
        return answer(found);
      case "update": {
        // As above.
        const body = request.body as KubeObject;
        if (!found) throw notFound(resource, name ?? "");
        const { resourceVersion } = body.metadata;
        if (resourceVersion !== undefined && resourceVersion !== found.metadata.resourceVersion) {
          throw conflict(resource, name ?? "");
        }
        return answer(this.#store(key, { ...body }, "MODIFIED"));
      }
      case "patch":
        if (!found) throw notFound(resource, name ?? "");
        // The tests patch only top-level fields, and metadata one level deep.
        return answer(this.#store(key, mergeTop(found, request.body as KubeObject), "MODIFIED"));
      case "delete":
        if (!found) throw notFound(resource, name ?? "");
        this.#objects.delete(key);
        return answer(this.#record(key, found, "DELETED"));
      case "deletecollection":
        for (const [each, object] of [...this.#objects]) {
          if (!each.startsWith(prefix)) continue;
          this.#objects.delete(each);
          this.#record(each, object, "DELETED");
        }
        return answer({ kind: "Status" });
    }
  }

  #store(key: string, object: KubeObject, type: "ADDED" | "MODIFIED"): KubeObject {
    const uid = this.#objects.get(key)?.metadata.uid ?? object.metadata.uid ?? `uid-${this.#revision + 1}`;
    const stored = this.#record(key, { ...object, metadata: { ...object.metadata, uid } }, type);
    this.#objects.set(key, stored);
    return stored;
  }

  #record(key: string, object: KubeObject, type: "ADDED" | "MODIFIED" | "DELETED"): KubeObject {
    const revision = ++this.#revision;
    const stored = deepFreeze(
      deepCopy({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }) as KubeObject,
    );
    const change: Change = { revision, key, event: { type, object: stored } };
    this.#history.push(change);
    if (this.#held) this.#waiting.push(change);
    else this.#tell(change);
    return stored;
  }

  #tell(change: Change): void {
    for (const { channel, prefix } of this.#watchers) if (change.key.startsWith(prefix)) channel.push(change.event);
  }

  #watch(prefix: string, request: ResourceRequest): AsyncIterable<WatchEvent> {
    const after = Number(request.options?.resourceVersion ?? 0);
    if (after < this.#compacted) throw expired(`too old resource version: ${after} (${this.#compacted})`);
    const channel = new Channel<WatchEvent>(10_000, () => {
      this.#watchers.delete(watcher);
      request.signal?.removeEventListener("abort", onAbort);
    });
    const watcher = { channel, prefix };
    const onAbort = () => channel.close(request.signal?.reason);
    request.signal?.addEventListener("abort", onAbort, { once: true });
    this.#watchers.add(watcher);
    for (const { revision, key, event } of this.#history) {
      if (revision > after && key.startsWith(prefix) && !this.#held) channel.push(event);
    }
    return channel;
  }
}

function answer(object: object, code: 200 | 201 = 200): ResourceResponse {
  return { type: "object", code, object, warnings: [] };
}

function mergeTop(object: KubeObject, patch: KubeObject): KubeObject {
  return { ...object, ...patch, metadata: { ...object.metadata, ...patch.metadata } };
}
