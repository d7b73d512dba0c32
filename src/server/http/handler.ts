import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  type Annotate,
  type APIService,
  ApiError,
  apiVersionOf,
  badRequest,
  methodNotAllowed,
  parseDuration,
  type ResourceDefinition,
  timeout,
  type User,
  type Verb,
} from "../../api/index.ts";
import { type Awaitable, type Clock, errorMessage, type Logger, type Timer, whenThere } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import type { Auditor, AuditTrail } from "../audit/index.ts";
import type { AnonymousAccess, Authenticator } from "../authentication/index.ts";
import { type FlowControl, type FlowRequest, type FlowTicket, listWidth } from "../flow-control/index.ts";
import { isBuiltIn, isRouted } from "../pipeline/kind-rules.ts";
import { authenticate } from "./credentials.ts";
import { Deadlines } from "./deadlines.ts";
import type { ExtensionServers } from "./extension-servers.ts";
import { notFoundPath, readableJson, sendFailure } from "./failure.ts";
import { impersonate } from "./impersonation.ts";
import type { ItemType } from "./list-body.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { RequestLabels, RequestMetrics } from "./metrics.ts";
import { type AnswerForms, checkStream, customAnswers, objectAnswers, reviewAnswers } from "./negotiation.ts";
import { OpenWatches } from "./open-watches.ts";
import { beginAudit } from "./request-audit.ts";
import { parseResourcePath, type ResourcePath } from "./request-path.ts";
import { hasMethod, toResourceRequest, verbOf, verbsOfMethods } from "./resource-request.ts";
import { type Answer, sendFailedWatch, sendList, sendObject, sendWatch, warningHeader } from "./resource-writer.ts";
import { type StreamingRoute, type StreamingRoutes, streamingRoute } from "./streaming-routes.ts";
import { Transform } from "./transform.ts";
import { encoderOf } from "./writer.ts";

/** Answers the paths that are about no resource; false when the path is not among them. */
export type PathRoute = (request: HttpRequest, response: HttpResponse, query: URLSearchParams) => Promise<boolean>;

export interface HandlerOptions {
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  readonly anonymous: AnonymousAccess;
  /** Signs the certificates of those who may say for whom they ask; PEM. */
  readonly frontProxyCa: string | undefined;
  readonly streaming: StreamingRoutes | undefined;
  readonly extensions: ExtensionServers | undefined;
  /** Asked one after the other. */
  readonly paths: readonly PathRoute[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RequestMetrics;
  /** Which requests run at once; watches count until they have begun, streams do not. */
  readonly flow: FlowControl;
  /** Writes the audit log; there is none when left out. */
  readonly auditor?: Auditor;
  /** How long a request may take that is no watch and no stream. */
  readonly requestTimeoutMs?: number;
}

/** How long requests may take to end when the server does: nearly all need milliseconds. */
const drainMsMax = 10_000;
/** As --request-timeout of Kubernetes. */
const requestTimeoutMsDefault = 60_000;

/** For whom a request is done, and who asked where that is somebody else. */
export interface Identity {
  readonly user: User;
  readonly impersonator?: User;
}

/** Takes over an HTTP/1.1 connection with `Connection: Upgrade`. */
export type TakeOver = (message: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

/** One request on its way to an answer. */
interface Call {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly labels: RequestLabels;
  /** Where the audit log has it; undefined when it is not to be there. */
  readonly trail: AuditTrail | undefined;
  /** How long it waited for its seat. */
  waitedMs: number;
  /** When it is given up, on the monotonic clock; never when it lasts. */
  endMs: number;
}

/** From an HTTP request to its answer: who, what, may they, do it, say it. */
export class Handler {
  readonly #options: HandlerOptions;
  /** Requests under way, watches and streams left out. */
  readonly inFlight = { reads: 0, writes: 0 };
  /** Requests that wait for a seat. */
  readonly queued = { reads: 0, writes: 0 };
  readonly #watches = new OpenWatches();
  #whenIdle: (() => void) | undefined;
  readonly #requestTimeoutMs: number;
  readonly #deadlines: Deadlines;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? requestTimeoutMsDefault;
    this.#deadlines = new Deadlines(options.clock, this.#requestTimeoutMs);
  }

  /** Whether a request is for a watch that this server itself serves. Throws ApiError. */
  isWatch(request: HttpRequest): boolean {
    const path = parseResourcePath(request.path);
    if (!path || request.method !== "GET" || this.#options.extensions?.apiServices.ofPath(request.path)) return false;
    return verbOf(request.method, path, new URLSearchParams(request.query)) === "watch";
  }

  /** Whether the request is for what takes over connections: elsewhere Go's servers do not hear an upgrade. */
  takesUpgrades(request: HttpRequest, isWebSocket: boolean): boolean {
    try {
      if (this.#options.extensions?.apiServices.ofPath(request.path)) return true;
      const path = parseResourcePath(request.path);
      const route = path && streamingRoute(path, new URLSearchParams(request.query));
      return route ? isWebSocket || route.subresource !== "log" : isWebSocket && this.isWatch(request);
    } catch (error) {
      if (error instanceof ApiError) return false; // of a broken path the answer tells
      throw error;
    }
  }

  /** Ends the watches and waits for the requests under way, which have a bounded time for that. */
  async drain(): Promise<void> {
    const { clock } = this.#options;
    await this.#watches.endAll(clock);
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const late = clock.setTimer(drainMsMax, resolve);
      this.#whenIdle = () => {
        late.cancel();
        resolve();
      };
    });
  }

  get #isIdle(): boolean {
    return this.inFlight.reads + this.inFlight.writes + this.queued.reads + this.queued.writes === 0;
  }

  /** Answers the request; never rejects. */
  async handle(request: HttpRequest, response: HttpResponse, socket: Socket | undefined): Promise<void> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    let call: Call | undefined;
    try {
      const path = parseResourcePath(request.path);
      const query = request.query === "" ? noQuery : new URLSearchParams(request.query);
      const known = this.identify(request, socket);
      const identity = known instanceof Promise ? await known : known;
      const route = path && streamingRoute(path, query);
      const labels = this.#labels(request, path, query, route);
      const trail = this.trail(identity, auditVerb(path, route, request, query), request, response.auditId);
      const started = { request, response, query, user: identity.user, labels, trail, waitedMs: 0, endMs: Infinity };
      call = started;
      const extension = this.#options.extensions?.apiServices.ofPath(request.path);
      if (extension) await this.#extension(extension, path, started);
      else if (route) await metrics.longRunning(labels, () => this.#stream(route, started));
      else if (path) await this.#resource(path, started);
      else await this.#admitted(started, undefined, () => this.#path(started));
    } catch (error) {
      const trail = call ? call.trail : this.trail({}, request.method.toLowerCase(), request, response.auditId);
      sendFailure(error, request, response, { log: this.#options.log, trail });
      if (!call) trail?.write("ResponseComplete", response.status);
    }
    call?.trail?.write("ResponseComplete", response.status);
    metrics.finished(call?.labels ?? unknownRequest(request), {
      code: response.status,
      seconds: (clock.monotonicMs() - startMs) / 1000,
      waitedSeconds: (call?.waitedMs ?? 0) / 1000,
      bytes: response.bytes,
    });
  }

  /** Only what is served is named in metrics: anybody may ask for anything else, and no two alike. */
  #labels(
    request: HttpRequest,
    path: ResourcePath | undefined,
    query: URLSearchParams,
    route: StreamingRoute | undefined,
  ): RequestLabels {
    const definition = path && this.#options.api.registry.find(path.group, path.version, path.plural);
    if (!definition) return unknownRequest(request);
    if (route) return { verb: "connect", path, isDryRun: false, isApply: false };
    const verb = verbOf(request.method, path, query);
    if (verb === "" || !hasMethod(path, request.method)) return unknownRequest(request);
    if (path.subresource !== "" && !definition.subresources.some(({ name }) => name === path.subresource))
      return unknownRequest(request);
    const isApply = verb === "patch" && request.header("content-type") === applyType;
    return { verb, path, isDryRun: query.has("dryRun"), isApply };
  }

  /** The user on whose behalf the request is. Throws 401 and 403. */
  identify(request: HttpRequest, socket: Socket | undefined): Awaitable<Identity> {
    const { api, authenticator, anonymous, frontProxyCa } = this.#options;
    return whenThere(authenticate(authenticator, anonymous, request, socket, frontProxyCa), (user) =>
      whenThere(impersonate(api, request, user), (asked) =>
        asked === user ? { user } : { user: asked, impersonator: user },
      ),
    );
  }

  /** Where the audit log has a request; undefined when it is not to be there. */
  trail(identity: Partial<Identity>, verb: string, request: HttpRequest, auditId: string): AuditTrail | undefined {
    const { auditor } = this.#options;
    return auditor && beginAudit(auditor, identity, verb, request, auditId);
  }

  /** Who takes over the connection of a request that wants to upgrade, when the user may. Throws ApiError. */
  async upgrade(request: HttpRequest, user: User, annotate?: Annotate): Promise<TakeOver> {
    const { extensions, streaming } = this.#options;
    const service = extensions?.apiServices.ofPath(request.path);
    if (extensions && service) {
      await this.#authorizeExtension(
        parseResourcePath(request.path),
        user,
        request,
        new URLSearchParams(request.query),
      );
      return (...connection) => extensions.upgrade(service, user, ...connection);
    }
    const route = await this.#upgradeRoute(request, user, annotate);
    if (!streaming) throw notFoundPath();
    return (...connection) => streaming.upgrade(route, user, ...connection);
  }

  async #upgradeRoute(request: HttpRequest, user: User, annotate?: Annotate): Promise<StreamingRoute> {
    const path = parseResourcePath(request.path);
    const route = path && streamingRoute(path, new URLSearchParams(request.query));
    if (!route) throw notFoundPath();
    await this.#authorizeStream(route, user, request, annotate);
    // A WebSocket begins as a GET, which roles give for reading; what runs in a container needs the right to create.
    if (request.method === "GET" && route.subresource !== "log" && route.subresource !== "proxy")
      await this.#authorizeStream(route, user, { method: "POST" });
    return { ...route, ...(await this.#options.api.admitConnection(route, user, annotate)) };
  }

  async #stream(route: StreamingRoute, { user, request, response, trail }: Call): Promise<void> {
    await this.#authorizeStream(route, user, request, trail?.annotate);
    if (!this.#options.streaming) throw notFoundPath();
    const admitted = await this.#options.api.admitConnection(route, user, trail?.annotate);
    response.addHeaders(warningHeader(admitted.warnings));
    trail?.write("ResponseStarted", 200);
    await this.#options.streaming.handle({ ...route, ...admitted }, user, request, response);
  }

  #authorizeStream(
    route: StreamingRoute,
    user: User,
    { method }: { readonly method: string },
    annotate?: Annotate,
  ): Awaitable<void> {
    const { resource: plural, subresource, namespace, name } = route;
    const verb = verbsOfMethods[method] ?? method.toLowerCase();
    const resource = { group: "", version: "v1", plural, subresource, namespace, name };
    return this.#options.api.authorize({ user, verb, resource }, annotate);
  }

  /** What another server answers: here it is only known who asks and whether they may. */
  async #extension(service: APIService, path: ResourcePath | undefined, call: Call): Promise<void> {
    const { user, request, response, query } = call;
    await this.#authorizeExtension(path, user, request, query);
    const pass = async () => this.#options.extensions?.handle(service, user, request, response);
    const isLongRunning =
      path && (longRunningSubresources.has(path.subresource) || verbOf(request.method, path, query) === "watch");
    if (isLongRunning) await this.#options.metrics.longRunning(call.labels, pass);
    else await this.#admitted(call, path, pass);
  }

  #authorizeExtension(
    path: ResourcePath | undefined,
    user: User,
    request: HttpRequest,
    query: URLSearchParams,
  ): Awaitable<void> {
    if (!path) return this.#options.api.authorize({ user, verb: request.method.toLowerCase(), path: request.path });
    return this.#options.api.authorize({ user, verb: verbOf(request.method, path, query), resource: path });
  }

  async #path({ query, user, request, response, trail }: Call): Promise<void> {
    const asked = { user, verb: request.method.toLowerCase(), path: request.path };
    await this.#options.api.authorize(asked, trail?.annotate);
    for (const route of this.#options.paths) if (await route(request, response, query)) return;
    throw notFoundPath();
  }

  #resource(path: ResourcePath, call: Call): Promise<void> {
    if (path.rest !== "") throw notFoundPath();
    const { method } = call.request;
    const verb = verbOf(method, path, call.query);
    if (verb === "" || !hasMethod(path, method))
      return this.#admitted(call, path, () => this.#refuse(path, verb, call));
    if (verb === "watch") return this.#watch(path, call);
    return this.#admitted(call, path, () => this.#serve(path, verb, call));
  }

  /** Who may not ask hears that, and not which methods there are. */
  async #refuse(path: ResourcePath, verb: string, { user, trail }: Call): Promise<void> {
    await this.#options.api.authorize({ user, verb, resource: path }, trail?.annotate);
    throw methodNotAllowed();
  }

  /** A watch has a seat until it has begun: what follows costs as much as there are changes. */
  async #watch(path: ResourcePath, call: Call): Promise<void> {
    const ticket = await this.#ticket(call, path);
    let isSeated = true;
    const begun = () => {
      if (isSeated) ticket.release();
      isSeated = false;
    };
    const watch = this.#watches.open(call.request.signal);
    try {
      const run = () => this.#serve(path, "watch", call, { signal: watch.signal, begun });
      await this.#options.metrics.longRunning(call.labels, run);
    } finally {
      watch.close();
      begun();
    }
  }

  /** Answers 504 when the request takes longer than one may, or breaks the answer off; what becomes of its work then, nobody is told. */
  #deadline(call: Call): Timer {
    const { request, response, query, trail } = call;
    const { clock } = this.#options;
    const late = () => {
      request.abandonBody();
      // Who sends or reads an answer slowly would else keep a seat, and what is still to be sent, for as long as they like.
      if (response.started) return response.abort();
      const error = timeout("request did not complete within the allotted timeout");
      sendFailure(error, request, response, { log: this.#options.log, trail });
    };
    const askedMs = timeoutMsOf(query);
    const ownMs = askedMs > 0 && askedMs < this.#requestTimeoutMs ? askedMs : undefined;
    call.endMs = clock.monotonicMs() + (ownMs ?? this.#requestTimeoutMs);
    return ownMs === undefined ? this.#deadlines.begin(late) : clock.setTimer(ownMs, late);
  }

  /** `watch` says what ends one; it is told when that has its first state, which is what a watch costs. */
  async #serve(
    path: ResourcePath,
    verb: Verb,
    call: Call,
    watch?: { readonly signal: AbortSignal; readonly begun: () => void },
  ): Promise<void> {
    const { api, clock, log, metrics } = this.#options;
    const { request, response, query, user, trail } = call;
    const definition = api.registry.find(path.group, path.version, path.plural);
    if (request.method === "HEAD" && definition && isRouted(definition)) {
      // Kubernetes has no route for it; custom resources are served without routes.
      return this.#refuse(path, verb, call);
    }
    // Of what does not exist the pipeline tells, whatever the client accepts.
    const negotiated = definition
      ? formsOf(definition, path.subresource).negotiate(request.header("accept"))
      : readableJson;
    if (verb === "watch") checkStream(negotiated);
    const transform = definition && negotiated.as ? new Transform(definition, negotiated, query, clock) : undefined;
    const encoder = encoderOf(request, negotiated, query);
    const sent = verb === "watch" ? { sent: metrics.watchSeries(path) } : {};
    const itemType = definition && itemTypeOf(definition);
    const answer: Answer = { request, response, encoder, transform, itemType, log, ...sent };
    const resourceRequest = toResourceRequest(path, verb, query, request, {
      signal: watch?.signal,
      endMs: call.endMs,
      kind: definition?.kind,
      heard: (body) => trail?.sent(body),
    });
    try {
      const asked = trail ? { ...resourceRequest, annotate: trail.annotate } : resourceRequest;
      const handled = api.handle(asked, user);
      const served = watch ? await handled.finally(watch.begun) : await handled;
      if (served.type === "watch") trail?.write("ResponseStarted", 200);
      else trail?.answered(served.type === "object" ? served.object : served.list);
      if (served.type === "object") {
        const sending = sendObject(answer, served);
        if (sending) await sending;
      } else if (served.type === "list") await sendList(answer, served);
      else await sendWatch(answer, served);
    } catch (error) {
      if (verb === "watch" && error instanceof ApiError && error.code === 410) sendFailedWatch(answer, error);
      else throw error;
    }
  }

  /** Does the work when it is its turn, within the time that a request has. Throws 429 when there is too much to do. */
  async #admitted(call: Call, path: ResourcePath | undefined, work: () => Promise<void>): Promise<void> {
    const deadline = this.#deadline(call);
    const kind = kindOf(call.request);
    let ticket: FlowTicket | undefined;
    try {
      const given = this.#ticket(call, path);
      ticket = given instanceof Promise ? await given : given;
      this.inFlight[kind]++;
      await work();
      if (call.response.sent) await call.response.sent;
    } finally {
      deadline.cancel();
      if (ticket) this.inFlight[kind]--;
      ticket?.release();
      if (this.#whenIdle && this.#isIdle) this.#whenIdle();
    }
  }

  /** The seat of a request, and in its answer the headers that say how it was found. */
  #ticket(call: Call, path: ResourcePath | undefined): FlowTicket | Promise<FlowTicket> {
    const { flow } = this.#options;
    const { request, response, user } = call;
    const verb = path ? verbOf(request.method, path, call.query) : request.method.toLowerCase();
    const classified = flow.classify({ user, verb, resource: path && flowResource(path), path: request.path });
    response.addHeaders(classified.headers);
    const ticket = flow.admit(classified, path ? this.#width(path, verb, call.query) : 1, request);
    return ticket instanceof Promise ? this.#queue(call, ticket) : ticket;
  }

  async #queue(call: Call, ticket: Promise<FlowTicket>): Promise<FlowTicket> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const kind = kindOf(call.request);
    this.queued[kind]++;
    try {
      return await ticket;
    } finally {
      this.queued[kind]--;
      call.waitedMs = clock.monotonicMs() - startMs;
    }
  }

  /** The seats that a request takes: more than one where it reads many objects. */
  #width({ group, version, plural, namespace, name }: ResourcePath, verb: string, query: URLSearchParams): number {
    const reads = verb === "list" || (verb === "watch" && query.get("sendInitialEvents") === "true");
    if (!reads || name !== "") return 1;
    const { registry, lookup } = this.#options.api;
    const definition = registry.find(group, version, plural);
    if (!definition) return 1;
    const selects = query.has("labelSelector") || query.has("fieldSelector");
    return listWidth(lookup.count(definition, namespace || undefined), Number(query.get("limit") ?? 0), selects);
  }
}

/** Subresources of other servers that last as long as their connection. */
const longRunningSubresources: ReadonlySet<string> = new Set(["attach", "exec", "log", "portforward", "proxy"]);

/** What the audit log calls a request. */
function auditVerb(
  path: ResourcePath | undefined,
  route: StreamingRoute | undefined,
  request: HttpRequest,
  query: URLSearchParams,
): string {
  if (!path) return request.method.toLowerCase();
  return route ? (verbsOfMethods[request.method] ?? request.method.toLowerCase()) : verbOf(request.method, path, query);
}

/** How long the client is willing to wait; 0: as long as it takes. Throws 400 for what is no duration. */
function timeoutMsOf(query: URLSearchParams): number {
  const asked = query.get("timeout");
  if (!asked) return 0;
  try {
    return parseDuration(asked);
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${errorMessage(error)}`);
  }
}

const applyType = "application/apply-patch+yaml";

/** What metrics call a request of which nothing more is known. */
function unknownRequest({ method }: HttpRequest): RequestLabels {
  return { verb: method, path: undefined, isDryRun: false, isApply: false };
}

function kindOf({ method }: HttpRequest): "reads" | "writes" {
  return method === "GET" || method === "HEAD" ? "reads" : "writes";
}

/** A namespace's own requests are in it. */
function flowResource(path: ResourcePath): FlowRequest["resource"] {
  const isNamespace = path.plural === "namespaces" && path.group === "";
  return isNamespace && path.name !== "" ? { ...path, namespace: path.name } : path;
}

/** Nobody writes into a request's query. */
const noQuery = new URLSearchParams();

/** What the items of the kind's lists leave out. */
function itemTypeOf(definition: ResourceDefinition): ItemType | undefined {
  return isBuiltIn(definition) ? { kind: definition.kind, apiVersion: apiVersionOf(definition) } : undefined;
}

/** The scale of a custom resource is an object of Kubernetes' own. */
function formsOf(definition: ResourceDefinition, subresource: string): AnswerForms {
  if (subresource === "scale") return objectAnswers;
  if (!isBuiltIn(definition)) return customAnswers;
  return subresource === "" && !definition.verbs.includes("list") ? reviewAnswers : objectAnswers;
}
