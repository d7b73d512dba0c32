import { type Annotate, internalError, type ResourceHandler, type ResourceRequest, type User } from "../api/index.ts";
import { type Awaitable, type Clock, type Logger, type MetricRegistry, type Random, whenThere } from "../lib/index.ts";
import { ChangeConflict, type Storage, type WatchCache } from "../storage/index.ts";
import type { AdmissionPlugin } from "./admission/admission.ts";
import type { Attributes, Authorizer } from "./authorization/authorizer.ts";
import { forbiddenError, requestAttributes } from "./authorization/index.ts";
import type { CreateHandlers } from "./create-handler.ts";
import { type Lookup, lookupIn } from "./lookup.ts";
import { admissionPlans } from "./pipeline/admission-chain.ts";
import { AdmissionMetrics } from "./pipeline/admission-metrics.ts";
import type { CommitHook } from "./pipeline/commit-hook.ts";
import type { ComputedObjects } from "./pipeline/computed.ts";
import { type AdmittedConnection, admitConnection } from "./pipeline/connect.ts";
import type { ObjectRequest, PipelineContext } from "./pipeline/context.ts";
import { seedChange } from "./pipeline/create.ts";
import { checkWriteOptions } from "./pipeline/field-ownership.ts";
import { deprecationOf } from "./pipeline/kind-rules.ts";
import { ListSnapshots } from "./pipeline/list-snapshots.ts";
import { ResourceStore } from "./pipeline/resource-store.ts";
import { routeOf, unknownResource } from "./pipeline/routes.ts";
import { serve } from "./pipeline/serve.ts";
import { serveSubresource } from "./pipeline/serve-subresource.ts";
import { Turns } from "./pipeline/turns.ts";
import { quotaCharge } from "./quota/index.ts";
import type { ResourceRegistry } from "./registry.ts";
import type { ServedResponse } from "./served-response.ts";

export interface ApiServerOptions {
  readonly registry: ResourceRegistry;
  readonly storage: Storage;
  readonly cache: WatchCache;
  readonly authorizer: Authorizer;
  /** In the order in which they run. */
  readonly admission: readonly AdmissionPlugin[];
  /** What is written in one commit with objects of a kind, by `<plural>.<group>`. */
  readonly commitHooks?: ReadonlyMap<string, CommitHook>;
  /** Reviews and subresources that are answered and not stored. */
  readonly createHandlers?: CreateHandlers;
  readonly computed?: ComputedObjects;
  /** Where admission is measured. */
  readonly metrics?: MetricRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The API server below HTTP: authorizes every request and carries it through the one pipeline. */
export interface ApiServer extends ResourceHandler {
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  /** What is stored now. */
  readonly lookup: Lookup;
  handle(request: ResourceRequest, user: User): Promise<ServedResponse>;
  /**
   * Creates what the program brings to an empty cluster, unchecked and in few commits: one after the other through the
   * pipeline they are a fifth of a start. False when an object is there already: then some may be missing.
   */
  seed(creations: readonly ResourceRequest[], user: User): Promise<boolean>;
  /** Throws ApiError: 403 when the authorizer does not allow it, 500 when it could not decide. */
  authorize(attributes: Attributes, annotate?: Annotate): Awaitable<void>;
  /** Asks admission whether a stream of core/v1 may be opened, and with what; the user was authorized already. Throws ApiError. */
  admitConnection(target: ConnectTarget, user: User, annotate?: Annotate): Promise<AdmittedConnection>;
}

/** A subresource that is a stream, and what it was asked for with. */
export interface ConnectTarget {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows `/proxy`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Fewer than etcd takes in one transaction (--max-txn-ops). */
const seedsPerCommit = 100;

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new Pipeline(options);
}

class Pipeline implements ApiServer {
  readonly registry: ResourceRegistry;
  readonly authorizer: Authorizer;
  readonly lookup: Lookup;
  readonly #context: PipelineContext;

  constructor(options: ApiServerOptions) {
    const stores = new WeakMap<object, ResourceStore>();
    this.registry = options.registry;
    this.authorizer = options.authorizer;
    this.lookup = lookupIn(options.cache);
    const admissionMetrics = options.metrics && new AdmissionMetrics(options.metrics);
    this.#context = {
      ...options,
      commitHooks: options.commitHooks ?? new Map(),
      chargeQuota: quotaCharge(options.cache, options.clock),
      createHandlers: options.createHandlers ?? new Map(),
      computed: options.computed ?? new Map(),
      turns: new Turns(),
      admissionMetrics,
      snapshots: new ListSnapshots(options.cache),
      storeOf(definition) {
        let store = stores.get(definition);
        if (!store) {
          store = new ResourceStore(definition, options.cache);
          stores.set(definition, store);
        }
        return store;
      },
      admissionOf: admissionPlans(options.admission, admissionMetrics),
    };
  }

  authorize(attributes: Attributes, annotate?: Annotate): Awaitable<void> {
    return whenThere(this.authorizer.authorize(attributes), ({ allowed, reason, error }) => {
      annotate?.("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
      annotate?.("authorization.k8s.io/reason", reason);
      if (allowed) return;
      // Nobody may who could not be decided about, and it is not theirs to mend.
      if (error !== undefined) throw internalError(error);
      throw forbiddenError(attributes, reason);
    });
  }

  async handle(request: ResourceRequest, user: User): Promise<ServedResponse> {
    const { verb } = request;
    const allowed = this.authorize(requestAttributes(request, user), request.annotate);
    if (allowed) await allowed;
    const unread = this.#objectRequest(request, user);
    // The body of what no route takes is not looked at.
    const fact = routeOf(unread, verb);
    const objectRequest = request.readBody
      ? this.#objectRequest({ ...request, ...(await request.readBody()) }, user)
      : unread;
    if (verb !== "get" && verb !== "list" && verb !== "watch") checkWriteOptions(objectRequest, verb);
    return fact ? serveSubresource(objectRequest, verb, fact) : serve(objectRequest, verb);
  }

  async seed(creations: readonly ResourceRequest[], user: User): Promise<boolean> {
    const { storage, cache } = this.#context;
    const changes = await Promise.all(creations.map((each) => seedChange(this.#objectRequest(each, user))));
    try {
      for (let at = 0; at < changes.length; at += seedsPerCommit)
        await cache.waitFor(await storage.commit(changes.slice(at, at + seedsPerCommit)));
      return true;
    } catch (error) {
      if (error instanceof ChangeConflict) return false;
      throw error;
    }
  }

  async admitConnection(target: ConnectTarget, user: User, annotate?: Annotate): Promise<AdmittedConnection> {
    const { resource: plural, namespace, name, subresource, path, query } = target;
    const request = { verb: "create", group: "", version: "v1", plural, namespace, name, subresource } as const;
    const asked = annotate ? { ...request, annotate } : request;
    return admitConnection(this.#objectRequest(asked, user), path, query);
  }

  #objectRequest(request: ResourceRequest, user: User): ObjectRequest {
    const { group, version, plural, namespace = "", name = "", subresource = "", options = {} } = request;
    const definition = this.registry.find(group, version, plural);
    if (!definition) throw unknownResource(this.registry, request);
    const deprecation = deprecationOf(definition);
    return {
      context: this.#context,
      user,
      definition,
      store: this.#context.storeOf(definition),
      namespace,
      name,
      subresource,
      options,
      body: request.body,
      duplicateFields: request.duplicateFields ?? [],
      sentencesInOrder: request.sentencesInOrder,
      patchType: request.patchType,
      signal: request.signal,
      endMs: request.endMs ?? Number.POSITIVE_INFINITY,
      dryRun: options.dryRun === "All",
      annotate: request.annotate ?? unheard,
      warnings: deprecation === undefined ? [] : [deprecation],
    };
  }
}

const unheard: Annotate = () => {};
