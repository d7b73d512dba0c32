import type {
  KubeObject,
  ObjectList,
  RequestOptions,
  ResourceReference,
  ResourceRequest,
  User,
  Verb,
  WatchEvent,
} from "../api/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../lib/index.ts";
import { MemoryStorage, type Storage, startWatchCache, type WatchCache } from "../storage/index.ts";
import { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.ts";
import { ResourceRegistry } from "./registry.ts";
import type { ServedResponse } from "./served-response.ts";

export const admin: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

/** An API server over memory with a clock that the test moves; everybody may do everything unless it says otherwise. */
export interface TestServer {
  readonly api: ApiServer;
  readonly clock: VirtualClock;
  readonly storage: Storage;
  readonly cache: WatchCache;
  /** Sends a request and gives the object of the answer. */
  send<T extends KubeObject>(verb: Verb, resource: ResourceReference<T>, target?: Target): Promise<T>;
  list<T extends KubeObject>(resource: ResourceReference<T>, target?: Target): Promise<ObjectList<T>>;
  /** The events of a watch from now on; it ends with the signal of `target`. */
  watch(resource: ResourceReference, target: Target): Promise<AsyncIterator<WatchEvent>>;
  serve(verb: Verb, resource: ResourceReference, target?: Target): Promise<ServedResponse>;
  close(): Promise<void>;
}

export interface Target extends Omit<ResourceRequest, "verb" | "group" | "version" | "plural" | "options"> {
  readonly options?: RequestOptions;
  readonly user?: User;
}

export interface TestServerOptions
  extends Partial<Omit<ApiServerOptions, "storage" | "cache" | "commitHooks" | "clock">> {
  /** A new one when left out. */
  readonly clock?: VirtualClock;
  readonly storage?: Storage;
  readonly commitHooks?: (cache: WatchCache) => ApiServerOptions["commitHooks"];
}

export async function startTestServer({ commitHooks, ...options }: TestServerOptions = {}): Promise<TestServer> {
  const clock = options.clock ?? new VirtualClock();
  const storage = options.storage ?? new MemoryStorage();
  const cache = await startWatchCache(storage, { clock, log: silentLogger, freeze: true });
  const hooks = commitHooks?.(cache);
  const api = createApiServer({
    registry: new ResourceRegistry(),
    authorizer: { authorize: async () => ({ allowed: true, reason: "" }) },
    admission: [],
    clock,
    random: seededRandom(1),
    log: silentLogger,
    ...options,
    ...(hooks ? { commitHooks: hooks } : {}),
    storage,
    cache,
  });
  const serve: TestServer["serve"] = (verb, { group, version, plural }, { user = admin, ...rest } = {}) =>
    api.handle({ verb, group, version, plural, ...rest }, user);
  return {
    api,
    clock,
    storage,
    cache,
    serve,
    async send<T extends KubeObject>(verb: Verb, resource: ResourceReference<T>, target?: Target) {
      const response = await serve(verb, resource, target);
      if (response.type !== "object") throw new Error(`a ${response.type} is no object`);
      return response.object as T; // an answer about a resource is of its kind
    },
    async list<T extends KubeObject>(resource: ResourceReference<T>, target?: Target) {
      const response = await serve("list", resource, target);
      if (response.type !== "list") throw new Error("not a list");
      return response.list as ObjectList<T>; // as above
    },
    async watch(resource, target) {
      const response = await serve("watch", resource, target);
      if (response.type !== "watch") throw new Error("not a watch");
      return response.events[Symbol.asyncIterator]();
    },
    async close() {
      await cache.close();
      await storage.close();
    },
  };
}
