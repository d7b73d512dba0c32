import type { Socket } from "node:net";
import {
  ApiError,
  badRequest,
  parseDuration,
  type ResourceDefinition,
  timeout,
  tooManyRequests,
  type User,
  type Verb,
} from "../../api/index.ts";
import { type Clock, errorMessage, type Logger } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import type { AnonymousAccess, Authenticator } from "../authentication/index.ts";
import { isBuiltIn } from "../pipeline/kind-rules.ts";
import { authenticate } from "./credentials.ts";
import { Deadlines } from "./deadlines.ts";
import { impersonate } from "./impersonation.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";
import type { RequestLabels, RequestMetrics } from "./metrics.ts";
import {
  type AnswerForms,
  checkStream,
  customAnswers,
  type Negotiated,
  objectAnswers,
  plainAnswers,
} from "./negotiation.ts";
import { parseResourcePath, type ResourcePath } from "./request-path.ts";
import { isRead, toResourceRequest, verbOf, verbsOfMethods } from "./resource-request.ts";
import { type Answer, headersOf, sendFailedWatch, sendList, sendObject, sendWatch } from "./resource-writer.ts";
import { statusHeaders, toApiError } from "./status.ts";
import type { StreamingRoute, StreamingRoutes } from "./streaming-routes.ts";
import { Transform } from "./transform.ts";
import { encode, encoderOf } from "./writer.ts";

/** Answers the paths that are about no resource; false when the path is not among them. */
export type PathRoute = (request: HttpRequest, response: HttpResponse, query: URLSearchParams) => Promise<boolean>;

export interface HandlerOptions {
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  readonly anonymous: AnonymousAccess;
  readonly streaming: StreamingRoutes | undefined;
  /** Asked one after the other. */
  readonly paths: readonly PathRoute[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RequestMetrics;
  /** Requests under way at once, watches and streams not counted; the figures of Kubernetes when left out. */
  readonly readsMax?: number;
  readonly writesMax?: number;
  /** How long a request may take that is no watch and no stream. */
  readonly requestTimeoutMs?: number;
}

const readsMaxDefault = 400;
const writesMaxDefault = 200;
/** As --request-timeout of Kubernetes. */
const requestTimeoutMsDefault = 60_000;
const streamingSubresources: Readonly<Record<string, readonly string[]>> = {
  pods: ["exec", "attach", "portforward", "log", "proxy"],
  services: ["proxy"],
  nodes: ["proxy"],
};

/** One request on its way to an answer. */
interface Call {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly query: URLSearchParams;
  readonly user: User;
}

/** From an HTTP request to its answer: who, what, may they, do it, say it. */
export class Handler {
  readonly #options: HandlerOptions;
  #reads = 0;
  #writes = 0;
  /** Ends the watches when the server closes. */
  readonly #closing = new AbortController();
  readonly #requestTimeoutMs: number;
  readonly #deadlines: Deadlines;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? requestTimeoutMsDefault;
    this.#deadlines = new Deadlines(options.clock, this.#requestTimeoutMs);
  }

  /** Ends what would not end by itself. */
  close(): void {
    this.#closing.abort();
  }

  /** Answers the request; never rejects. */
  async handle(request: HttpRequest, response: HttpResponse, socket: Socket | undefined): Promise<void> {
    const { clock, metrics } = this.#options;
    const startMs = clock.monotonicMs();
    let labels: RequestLabels = { verb: request.method, path: undefined };
    try {
      const path = parseResourcePath(request.path);
      const query = request.query === "" ? noQuery : new URLSearchParams(request.query);
      const user = await this.identify(request, socket);
      const call = { request, response, query, user };
      const route = path && streamingRoute(path, query);
      labels = this.#labels(request, path, query);
      if (route) await metrics.longRunning(labels, () => this.#stream(route, call));
      else if (path) await this.#resource(path, labels, call);
      else await this.#timely(call, () => this.#path(call));
    } catch (error) {
      this.#fail(error, request, response);
    }
    metrics.finished(labels, response.status, (clock.monotonicMs() - startMs) / 1000);
  }

  /** Only what is served is named in metrics: anybody may ask for anything else, and no two alike. */
  #labels(request: HttpRequest, path: ResourcePath | undefined, query: URLSearchParams): RequestLabels {
    const isServed = path && this.#options.api.registry.find(path.group, path.version, path.plural);
    return isServed ? { verb: verbOf(request.method, path, query), path } : { verb: request.method, path: undefined };
  }

  /** The user on whose behalf the request is. Throws 401 and 403. */
  async identify(request: HttpRequest, socket: Socket | undefined): Promise<User> {
    const { authenticator, anonymous } = this.#options;
    const user = await authenticate(authenticator, anonymous, request, socket);
    return impersonate(this.#options.api, request, user);
  }

  /** The route of a request that wants to upgrade, when the user may. Throws ApiError. */
  async upgradeRoute(request: HttpRequest, user: User): Promise<StreamingRoute> {
    const path = parseResourcePath(request.path);
    const route = path && streamingRoute(path, new URLSearchParams(request.query));
    if (!route) throw notFoundPath();
    await this.#authorizeStream(route, user, request);
    // A WebSocket begins as a GET, which roles give for reading; what runs in a container needs the right to create.
    if (request.method === "GET" && route.subresource !== "log" && route.subresource !== "proxy")
      await this.#authorizeStream(route, user, { method: "POST" });
    await this.#options.api.admitConnection(route, user);
    return route;
  }

  async #stream(route: StreamingRoute, { user, request, response }: Call): Promise<void> {
    await this.#authorizeStream(route, user, request);
    if (!this.#options.streaming) throw notFoundPath();
    await this.#options.api.admitConnection(route, user);
    await this.#options.streaming.handle(route, user, request, response);
  }

  #authorizeStream(route: StreamingRoute, user: User, { method }: { readonly method: string }): Promise<void> {
    const { resource: plural, subresource, namespace, name } = route;
    const verb = verbsOfMethods[method] ?? method.toLowerCase();
    const resource = { group: "", version: "v1", plural, subresource, namespace, name };
    return this.#options.api.authorize({ user, verb, resource });
  }

  async #path({ query, user, request, response }: Call): Promise<void> {
    await this.#options.api.authorize({ user, verb: request.method.toLowerCase(), path: request.path });
    for (const route of this.#options.paths) if (await route(request, response, query)) return;
    throw notFoundPath();
  }

  async #resource(path: ResourcePath, labels: RequestLabels, call: Call): Promise<void> {
    if (path.rest !== "") throw notFoundPath();
    const verb = verbOf(call.request.method, path, call.query);
    if (verb === "watch") {
      await this.#options.metrics.longRunning(labels, () => this.#serve(path, verb, call));
      return;
    }
    await this.#timely(call, () => this.#counted(isRead(verb), () => this.#serve(path, verb, call)));
  }

  /** Answers 504 when the work takes longer than a request may; what becomes of it then, nobody is told. */
  async #timely({ request, response, query }: Call, work: () => Promise<void>): Promise<void> {
    const late = () => {
      request.abandonBody();
      this.#fail(timeout("request did not complete within the allotted timeout"), request, response);
    };
    const askedMs = timeoutMsOf(query);
    const ownMs = askedMs > 0 && askedMs < this.#requestTimeoutMs ? askedMs : undefined;
    const timer = ownMs === undefined ? this.#deadlines.begin(late) : this.#options.clock.setTimer(ownMs, late);
    try {
      await work();
    } finally {
      timer.cancel();
    }
  }

  async #serve(path: ResourcePath, verb: Verb, { request, response, query, user }: Call): Promise<void> {
    const { api, clock, log } = this.#options;
    const definition = api.registry.find(path.group, path.version, path.plural);
    // Of what does not exist the pipeline tells, whatever the client accepts.
    const negotiated = definition
      ? formsOf(definition, path.subresource).negotiate(request.header("accept"))
      : readableJson;
    if (verb === "watch") checkStream(negotiated);
    const transform = definition && negotiated.as ? new Transform(definition, negotiated, query, clock) : undefined;
    const answer: Answer = { request, response, encoder: encoderOf(request, negotiated, query), transform, log };
    const signal = verb === "watch" ? AbortSignal.any([request.signal, this.#closing.signal]) : undefined;
    const resourceRequest = await toResourceRequest(path, verb, query, request, signal, definition?.kind);
    try {
      const served = await api.handle(resourceRequest, user);
      if (served.type === "object") await sendObject(answer, served);
      else if (served.type === "list") await sendList(answer, served);
      else await sendWatch(answer, served);
    } catch (error) {
      if (verb === "watch" && error instanceof ApiError && error.code === 410) sendFailedWatch(answer, error);
      else throw error;
    }
  }

  /** Does the work unless there is too much under way: then throws 429. */
  async #counted(read: boolean, work: () => Promise<void>): Promise<void> {
    const { readsMax = readsMaxDefault, writesMax = writesMaxDefault } = this.#options;
    if (read ? this.#reads >= readsMax : this.#writes >= writesMax)
      throw tooManyRequests("Too many requests, please try again later.", 1);
    this.#count(read, 1);
    try {
      await work();
    } finally {
      this.#count(read, -1);
    }
  }

  #count(read: boolean, difference: 1 | -1): void {
    if (read) this.#reads += difference;
    else this.#writes += difference;
  }

  /** Requests under way. */
  get inFlight(): { readonly reads: number; readonly writes: number } {
    return { reads: this.#reads, writes: this.#writes };
  }

  #fail(error: unknown, request: HttpRequest, response: HttpResponse): void {
    const { log } = this.#options;
    if (response.started) {
      log.debug("a request failed after its answer", { path: request.path, error: errorMessage(error) });
      return;
    }
    const { status } = toApiError(error, log, `${request.method} ${request.path}`);
    if (error instanceof PathNotFound) {
      response.end(
        404,
        { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
        "404 page not found\n",
      );
      return;
    }
    const negotiated = plainAnswers.find(request.header("accept")) ?? readableJson;
    const encoder = encoderOf(request, negotiated, new URLSearchParams(request.query));
    const headers = headersOf({ request, response, encoder, transform: undefined, log }, []);
    response.end(status.code, { ...headers, ...statusHeaders(status) }, encode(encoder, status));
  }
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

/** Nobody writes into a request's query. */
const noQuery = new URLSearchParams();

/** An error is told even to clients that accept no form of it. */
const readableJson: Negotiated = { ...plainAnswers.negotiate(undefined), pretty: true };

/** The scale of a custom resource is an object of Kubernetes' own. */
function formsOf(definition: ResourceDefinition, subresource: string): AnswerForms {
  return isBuiltIn(definition) || subresource === "scale" ? objectAnswers : customAnswers;
}

/** A path that nothing serves: clients get the text that Go's servers give. */
class PathNotFound extends ApiError {
  constructor() {
    super(404, "NotFound", "the server could not find the requested resource");
  }
}

export function notFoundPath(): ApiError {
  return new PathNotFound();
}

function streamingRoute(path: ResourcePath, query: URLSearchParams): StreamingRoute | undefined {
  const { group, version, plural, namespace, name, subresource, rest } = path;
  if (group !== "" || version !== "v1" || subresource === "") return undefined;
  if (!Object.hasOwn(streamingSubresources, plural) || !streamingSubresources[plural]!.includes(subresource))
    return undefined;
  if (rest !== "" && subresource !== "proxy") return undefined;
  // Both are among the names that the table holds.
  const names = { resource: plural, subresource } as Pick<StreamingRoute, "resource" | "subresource">;
  return { ...names, namespace, name, path: rest, query };
}
