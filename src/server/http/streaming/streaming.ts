import type { IncomingMessage } from "node:http";
import { type Duplex, pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import {
  ApiError,
  badRequest,
  EndpointSlices,
  internalError,
  isHollow,
  methodNotAllowed,
  type Node,
  Nodes,
  notFound,
  type Pod,
  Pods,
  Services,
  serviceNameLabel,
  serviceUnavailable,
  type User,
} from "../../../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random } from "../../../lib/index.ts";
import { connectionError } from "../../host/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { boolean } from "../request-options.ts";
import { warningHeader } from "../resource-writer.ts";
import type { StreamingRoute, StreamingRoutes } from "../streaming-routes.ts";
import { agentOf, type Backend, hollow } from "./backend.ts";
import {
  type AgentTls,
  answerOf,
  ask,
  forwardedFor,
  pass,
  passedAnswerHeaders,
  passedHeaders,
  send,
  tunnel,
} from "./forward.ts";
import { type ProxiedPage, proxiedLink, rewriteLinks } from "./html-links.ts";
import { logQuery } from "./log-options.ts";
import { commandQuery, containerOf, nodeNameOf, portQuery } from "./pod-backend.ts";
import { allowed, isPort, parseProxyName, podAddress, serviceAddress } from "./proxy-backend.ts";

export interface StreamingOptions {
  readonly lookup: Lookup;
  /** Asked for every connection, so that renewed certificates are used at once. */
  readonly agentTls: () => AgentTls;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What of a refusal of a backend is read into the Status (apiserver, GenericHttpResponseChecker). */
const refusalBytesMax = 50_000;
/** A page whose links are rewritten is held in memory as a whole. */
const pageBytesMax = 16 * 1024 * 1024;
/** Clients have nothing to say on a log; what they send is read and forgotten. */
const receivedBytesMax = 64 * 1024;
/** A log over a WebSocket: each piece one message, as it is or in base64 (apimachinery, wsstream). */
const logProtocols = ["binary.k8s.io", "base64.binary.k8s.io"];

export function createStreamingRoutes(options: StreamingOptions): StreamingRoutes {
  return new Streaming(options);
}

class Streaming implements StreamingRoutes {
  readonly #options: StreamingOptions;

  constructor(options: StreamingOptions) {
    this.#options = options;
  }

  async upgrade(
    route: StreamingRoute,
    _user: User,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    if (route.subresource === "log") return this.#logSocket(route, message, socket, head);
    const backend = this.#backend(route, queryOf(message.url ?? ""));
    try {
      const { clock, agentTls } = this.#options;
      await tunnel(backend, message, socket, head, { clock, tls: agentTls(), added: warningHeader(route.warnings) });
    } catch (error) {
      if (backend.trust.kind === "agent") throw dialError(error);
      throw unreachable(error);
    }
  }

  async handle(route: StreamingRoute, _user: User, request: HttpRequest, response: HttpResponse): Promise<void> {
    if (route.subresource === "proxy") return this.#proxy(route, request, response);
    if (route.subresource !== "log") throw badRequest("Upgrade request required");
    if (request.method !== "GET") throw methodNotAllowed();
    const pod = this.#pod(route);
    const backend = this.#logBackend(route, pod);
    // A pod without a node has written nothing yet.
    if (!backend) return response.end(204, {});
    const answer = await this.#openLog(backend, pod, request.signal);
    await send(answer, response, { "content-type": "text/plain" });
  }

  async #proxy(route: StreamingRoute, request: HttpRequest, response: HttpResponse): Promise<void> {
    const search = request.query === "" ? "" : `?${request.query}`;
    const isRead = request.method === "GET" || request.method === "HEAD";
    // Relative links of a page only lead on when its own path ends with a slash.
    if (route.path === "" && isRead) return response.end(301, { location: `${request.path}/${search}` });
    const backend = this.#backend(route, search);
    // Admission may have chosen another path, which is none that the client has come by.
    const asked = request.path.endsWith(route.path) ? route.path.length : 0;
    const prefix = request.path.slice(0, request.path.length - asked);
    const headers = passedHeaders(request.headers());
    headers["x-forwarded-for"] = forwardedFor(request.header("x-forwarded-for"), request.remoteAddress);
    headers["x-forwarded-uri"] = request.path;
    const answer = await pass(backend, request, headers, this.#options.agentTls()).catch((error) => {
      throw unreachable(error);
    });
    const hosts = [`${backend.host}:${backend.port}`, request.header("host") ?? ""];
    await sendPage(answer, response, { prefix, hosts });
  }

  /** Where the request goes on to; `search` is the query for backends that get the client's own, with its question mark. */
  #backend(route: StreamingRoute, search: string): Backend {
    const { resource, namespace, name, subresource, path, query } = route;
    if (subresource === "proxy") {
      const target = `${path === "" ? "/" : path}${search}`;
      if (resource === "nodes") return this.#nodeProxy(name, target);
      const asked = parseProxyName(resource === "pods" ? "pod" : "service", name);
      const address =
        resource === "pods"
          ? podAddress(this.#realPod({ namespace, name: asked.name }), asked)
          : this.#service(namespace, asked);
      return { protocol: `${asked.scheme}:`, ...address, path: target, trust: { kind: "anyone" } };
    }
    const pod = this.#pod(route);
    if (subresource === "portforward")
      return this.#agent(nodeNameOf(pod), ["portForward", namespace, name], portQuery(query));
    const container = containerOf(pod, query.get("container") ?? "");
    const words = [subresource, namespace, name, container];
    return this.#agent(nodeNameOf(pod), words, commandQuery(query, subresource === "exec"));
  }

  #service(namespace: string, asked: ReturnType<typeof parseProxyName>) {
    const { lookup, random } = this.#options;
    const service = lookup.get(Services, namespace, asked.name);
    if (!service) throw notFound(Services, asked.name);
    const slices = lookup.list(EndpointSlices, namespace);
    const own = slices
      .filter((slice) => slice.metadata.labels?.[serviceNameLabel] === asked.name)
      .map((slice) => ({
        ...slice,
        endpoints: (slice.endpoints ?? []).filter(({ nodeName }) => !this.#isHollow(nodeName)),
      }));
    return serviceAddress(service, own, asked, random);
  }

  #nodeProxy(text: string, path: string): Backend {
    const asked = parseProxyName("node", text);
    const node = this.#node(asked.name);
    const agent = agentOf(node);
    if (asked.port === "" || Number(asked.port) === agent.port)
      return { protocol: "https:", ...agent, path, trust: { kind: "agent", nodeName: asked.name, verify: true } };
    if (!isPort(Number(asked.port))) throw badRequest(`invalid node request ${JSON.stringify(text)}`);
    const address = { host: allowed(agent.host), port: Number(asked.port) };
    return { protocol: `${asked.scheme}:`, ...address, path, trust: { kind: "anyone" } };
  }

  #logBackend(route: StreamingRoute, pod: Pod): Backend | undefined {
    const { namespace, name, query } = route;
    const asked = logQuery(query, name);
    const container = containerOf(pod, query.get("container") ?? "");
    if (!pod.spec.nodeName) return undefined;
    const verify = !boolean(query, "insecureSkipTLSVerifyBackend");
    return this.#agent(pod.spec.nodeName, ["containerLogs", namespace, name, container], asked, verify);
  }

  #agent(nodeName: string, words: readonly string[], query: URLSearchParams, verify = true): Backend {
    const path = `/${words.map(encodeURIComponent).join("/")}${query.size > 0 ? `?${query}` : ""}`;
    const address = agentOf(this.#node(nodeName));
    return { protocol: "https:", ...address, path, trust: { kind: "agent", nodeName, verify } };
  }

  #pod({ namespace, name }: { readonly namespace: string; readonly name: string }): Pod {
    const pod = this.#options.lookup.get(Pods, namespace, name);
    if (!pod) throw notFound(Pods, name);
    return pod;
  }

  /** A pod that is more than pretended. Throws 503 for the others. */
  #realPod(place: { readonly namespace: string; readonly name: string }): Pod {
    const pod = this.#pod(place);
    const { nodeName } = pod.spec;
    if (nodeName && this.#isHollow(nodeName)) throw hollow(nodeName);
    return pod;
  }

  #isHollow(nodeName: string | undefined): boolean {
    const node = nodeName ? this.#options.lookup.get(Nodes, undefined, nodeName) : undefined;
    return node !== undefined && isHollow(node);
  }

  #node(name: string): Node {
    const node = this.#options.lookup.get(Nodes, undefined, name);
    if (!node) throw notFound(Nodes, name);
    return node;
  }

  async #openLog(backend: Backend, pod: Pod, signal: AbortSignal): Promise<IncomingMessage> {
    const asked = ask(backend, "GET", {}, this.#options.agentTls());
    signal.addEventListener("abort", () => asked.destroy(), { once: true });
    asked.end();
    const answer = await answerOf(asked).catch((error) => {
      const url = `https://${backend.host}:${backend.port}${backend.path}`;
      throw new ApiError(500, "", `Get ${JSON.stringify(url)}: ${errorMessage(error)}`, undefined, { cause: error });
    });
    if (answer.statusCode === 200) return answer;
    throw await refusal(answer, "pods/log", pod.metadata.name);
  }

  async #logSocket(route: StreamingRoute, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const pod = this.#pod(route);
    const backend = this.#logBackend(route, pod);
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    const answer = backend && (await this.#openLog(backend, pod, gone.signal));
    const webSocket = await acceptLogSocket(message, socket, head);
    if (answer) {
      try {
        for await (const piece of answer) await sendPiece(webSocket, piece);
      } catch (error) {
        this.#options.log.debug("a log over a WebSocket broke off", { error: errorMessage(error) });
      }
    }
    webSocket.close(1000);
  }
}

function queryOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? "" : url.slice(mark);
}

/** The agent cannot be reached; the words are those of the API server of Kubernetes. */
function dialError(error: unknown): ApiError {
  return new ApiError(500, "", `error dialing backend: ${connectionWords(error)}`, undefined, { cause: error });
}

const connectionWords = (error: unknown) => errorMessage(connectionError(error));

export function unreachable(error: unknown): ApiError {
  return serviceUnavailable(`error trying to reach service: ${connectionWords(error)}`);
}

/** What the agent refused, as the Status that a client gets of it. */
async function refusal(answer: IncomingMessage, resource: string, name: string): Promise<ApiError> {
  const code = answer.statusCode ?? 500;
  const words = (await beginning(answer, refusalBytesMax)).trimEnd();
  if (code === 500) return internalError(new Error(words));
  if (code === 400) return badRequest(words);
  const details = { name, kind: resource };
  if (code === 404) {
    const message = `the server could not find the requested resource ( ${resource} ${name})`;
    return new ApiError(404, "NotFound", message, {
      ...details,
      causes: [{ reason: "UnexpectedServerResponse", message: words }],
    });
  }
  return new ApiError(code, "", words, details);
}

/** The first bytes of a body as text; the rest is not read. */
async function beginning(body: Readable, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString("utf8");
}

/** Passes an answer on; links of pages and redirects lead through the proxy again. */
async function sendPage(answer: IncomingMessage, response: HttpResponse, page: ProxiedPage): Promise<void> {
  const headers = passedAnswerHeaders(answer);
  const { location } = answer.headers;
  if (location !== undefined) headers.location = proxiedLink(location, page);
  const isHtml = answer.headers["content-type"]?.split(";")[0]?.trim() === "text/html";
  const encoding = answer.headers["content-encoding"] ?? "";
  const length = Number(answer.headers["content-length"] ?? 0);
  const readable = encoding === "" || encoding === "gzip";
  if (location !== undefined || !isHtml || !readable || length > pageBytesMax) return send(answer, response, headers);
  // A break of the answer breaks what is unpacked of it, which its reader sees.
  const html = await wholePage(encoding === "gzip" ? pipeline(answer, createGunzip(), () => {}) : answer);
  delete headers["content-encoding"];
  delete headers["content-length"];
  response.end(
    answer.statusCode ?? 200,
    headers,
    rewriteLinks(html, (link) => proxiedLink(link, page)),
  );
}

async function wholePage(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > pageBytesMax) throw serviceUnavailable(`the page is larger than ${pageBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function acceptLogSocket(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: receivedBytesMax,
    handleProtocols: (offered) => [...offered].find((each) => logProtocols.includes(each)) ?? false,
  });
  return new Promise((resolve, reject) => {
    server.once("wsClientError", reject);
    server.handleUpgrade(message, socket, head, (webSocket) => {
      // A broken connection is closed too, which ends the log.
      webSocket.on("error", () => {});
      resolve(webSocket);
    });
  });
}

/** Resolves when there is room for the next one. */
function sendPiece(webSocket: WebSocket, piece: Buffer): Promise<void> {
  const message = webSocket.protocol.startsWith("base64.") ? piece.toString("base64") : piece;
  return new Promise((resolve, reject) => webSocket.send(message, (error) => (error ? reject(error) : resolve())));
}
