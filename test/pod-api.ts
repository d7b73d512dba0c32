// A small API server for tests of the node's agent: FakeApi with what pods need of a server beyond it, namely patches of
// their status, graceful deletion and tokens.
import {
  conflict,
  type KubeObject,
  notFound,
  type ResourceHandler,
  type ResourceRequest,
  type ResourceResponse,
  type User,
  type WatchEvent,
} from "../src/api/index.ts";
import { type Clock, deepCopy, timestamp } from "../src/lib/index.ts";
import { FakeApi } from "./fake-api.ts";

type Json = Record<string, unknown>;

export class PodApi implements ResourceHandler {
  readonly fake = new FakeApi();
  readonly #clock: Clock;
  /** The tokens that were asked for, as objects. */
  readonly tokenRequests: {
    readonly request: { readonly spec: { readonly boundObjectRef?: object; readonly expirationSeconds?: number } };
  }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async handle(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    if (request.subresource === "token") return this.#token(request);
    if (request.verb === "patch") return this.#patch(request, user);
    if (request.verb === "delete" && request.plural === "pods") return this.#delete(request, user);
    if (request.verb === "create" && request.subresource === undefined) return this.#create(request, user);
    const response = await this.fake.handle(request, user);
    const isNamed = selection(request.options?.fieldSelector);
    if (!isNamed) return response;
    if (response.type === "list") {
      return { ...response, list: { ...response.list, items: response.list.items.filter(isNamed) } };
    }
    return response.type === "watch" ? { ...response, events: only(response.events, isNamed) } : response;
  }

  async #create(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    // The tests send objects.
    const body = request.body as KubeObject;
    const creationTimestamp = timestamp(this.#clock.now());
    const metadata = {
      ...(request.namespace === undefined ? {} : { namespace: request.namespace }),
      ...body.metadata,
      creationTimestamp,
    };
    return this.fake.handle({ ...request, body: { ...body, metadata } }, user);
  }

  async #patch(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    // A patch is JSON.
    const patch = request.body as Json;
    const found = await this.#get(request, user);
    const { uid } = (patch.metadata ?? {}) as { uid?: string };
    if (uid !== undefined && uid !== found.metadata.uid) throw conflict(request, request.name ?? "", "uid mismatch");
    const body = merge(deepCopy(found) as unknown as Json, patch);
    return this.fake.handle({ ...request, verb: "update", body }, user);
  }

  async #delete(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    const found = await this.#get(request, user);
    const options = (request.body ?? {}) as { gracePeriodSeconds?: number; preconditions?: { uid?: string } };
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== found.metadata.uid) throw conflict(request, request.name ?? "", "uid mismatch");
    const { spec } = found as unknown as { spec: { terminationGracePeriodSeconds?: number } };
    const grace = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
    if (grace === 0) return this.fake.handle(request, user);
    const deletion = {
      deletionTimestamp: timestamp(this.#clock.now() + grace * 1_000),
      deletionGracePeriodSeconds: grace,
    };
    const body = { ...found, metadata: { ...found.metadata, ...deletion } };
    return this.fake.handle({ ...request, verb: "update", body }, user);
  }

  async #get(request: ResourceRequest, user: User): Promise<KubeObject> {
    const { body: _body, ...rest } = request;
    const response = await this.fake.handle({ ...rest, verb: "get" }, user);
    if (response.type !== "object") throw notFound(request, request.name ?? "");
    return response.object as KubeObject;
  }

  #token(request: ResourceRequest): ResourceResponse {
    const failure = this.fake.failure(request);
    if (failure) throw failure;
    // The agent sends a TokenRequest.
    const body = request.body as PodApi["tokenRequests"][0]["request"];
    const lifeMs = (body.spec.expirationSeconds ?? 3_600) * 1_000;
    const status = {
      token: `token-${this.tokenRequests.push({ request: body })}`,
      expirationTimestamp: timestamp(this.#clock.now() + lifeMs),
    };
    return { type: "object", code: 201, object: { ...(request.body as object), status }, warnings: [] };
  }
}

/** The field selectors of an agent: a name, or the node of a pod. */
function selection(fieldSelector: string | undefined): ((object: KubeObject) => boolean) | undefined {
  const match = /^(metadata\.name|spec\.nodeName)=(.*)$/.exec(fieldSelector ?? "");
  if (!match) return undefined;
  const [, field, value] = match;
  return (object) =>
    (field === "metadata.name" ? object.metadata.name : (object as unknown as { spec: Json }).spec.nodeName) === value;
}

async function* only(events: AsyncIterable<WatchEvent>, isNamed: (object: KubeObject) => boolean) {
  for await (const event of events) if (event.type === "BOOKMARK" || isNamed(event.object)) yield event;
}

/** A merge patch, with conditions merged by their type and lists that begin with `$patch: replace` replaced. */
function merge(target: Json, patch: Json): Json {
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else if (key === "conditions") target[key] = mergeConditions((target[key] ?? []) as Json[], value as Json[]);
    else if (Array.isArray(value)) target[key] = value.filter((each) => !(each as Json)?.$patch);
    else if (typeof value === "object") target[key] = merge((target[key] ?? {}) as Json, value as Json);
    else target[key] = value;
  }
  return target;
}

function mergeConditions(target: readonly Json[], patch: readonly Json[]): Json[] {
  const merged = new Map(target.map((each) => [each.type, each]));
  for (const each of patch) merged.set(each.type, merge({ ...merged.get(each.type) }, each));
  return [...merged.values()];
}
