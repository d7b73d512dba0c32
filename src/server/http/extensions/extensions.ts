import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  type APIResource,
  type APIResourceList,
  type APIService,
  EndpointSlices,
  Services,
  serviceNameLabel,
  serviceUnavailable,
  type User,
} from "../../../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random } from "../../../lib/index.ts";
import {
  type ApiServices,
  type AskExtension,
  type ExtensionAnswer,
  type ExtensionRequest,
  groupVersionOf,
  isAvailable,
  readResourceList,
} from "../../aggregation/index.ts";
import { connectionError } from "../../host/index.ts";
import type { Lookup } from "../../lookup.ts";
import type { ForeignDocument } from "../../openapi/index.ts";
import type { ExtensionServers } from "../extension-servers.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import {
  answerOf,
  ask,
  type Backend,
  forwardedFor,
  pass,
  passedAnswerHeaders,
  passedHeaders,
  send,
  serviceAddress,
  tunnel,
  unreachable,
} from "../streaming/index.ts";
import { ExtensionDocuments } from "./extension-documents.ts";
import { withIdentity } from "./identity.ts";

export interface ExtensionOptions {
  readonly apiServices: ApiServices;
  readonly lookup: Lookup;
  /** PEM: what shows that this server is the front proxy. Asked for every connection, for it is renewed. */
  readonly proxyTls: () => { readonly certificate: string; readonly key: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What this server can say of the servers behind APIServices, and ask them for its own components. */
export interface Extensions extends ExtensionServers {
  /** What the server serves of its group version, where it says so; rejects with an Error that says why it does not. */
  check(service: APIService, signal: AbortSignal): Promise<readonly APIResource[] | undefined>;
  readonly ask: AskExtension;
}

/** As upstream asks: what is served must be told even where nobody else may read it. */
const aggregator: User = { name: "system:kube-aggregator", groups: ["system:masters"] };
const askTimeoutMs = 5_000;
/** As long as the listener lets any request take but a watch. */
const requestTimeoutMs = 60_000;
/** Metrics without number may stand in it. */
const discoveryBytesMax = 16 * 1024 * 1024;
/** As much as Kubernetes says of itself: it is joined with that, and all waits for it. */
const openApiBytesMax = 4 * 1024 * 1024;

export function createExtensionServers(options: ExtensionOptions): Extensions {
  return new ExtensionProxy(options);
}

class ExtensionProxy implements Extensions {
  readonly apiServices: ApiServices;
  readonly #options: ExtensionOptions;
  readonly #documents: ExtensionDocuments;

  constructor(options: ExtensionOptions) {
    this.#options = options;
    this.apiServices = options.apiServices;
    const { clock, log } = options;
    this.#documents = new ExtensionDocuments({ clock, log, fetch: (service, path) => this.#fetch(service, path) });
  }

  async handle(service: APIService, user: User, request: HttpRequest, response: HttpResponse): Promise<void> {
    let answer: IncomingMessage;
    try {
      const backend = this.#available(service, `${request.path}${request.query === "" ? "" : `?${request.query}`}`);
      const headers = withIdentity(passedHeaders(request.headers()), user);
      headers["x-forwarded-for"] = forwardedFor(request.header("x-forwarded-for"), request.remoteAddress);
      headers["audit-id"] = response.auditId;
      answer = await pass(backend, request, headers, noAgentTls).catch((error) => {
        throw unreachable(error);
      });
    } catch (error) {
      // As text, as upstream's aggregator says it: clients expect no Status of a server that is not there.
      const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
      if (!response.started) response.end(503, headers, `${errorMessage(error)}\n`);
      return;
    }
    if (isRedirect(answer)) {
      answer.destroy();
      return response.end(502, {}, "the backend attempted to redirect this request, which is not permitted");
    }
    await send(answer, response, passedAnswerHeaders(answer));
  }

  async upgrade(
    service: APIService,
    user: User,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const backend = this.#available(service, message.url ?? "/");
    const identify = (passed: ReturnType<typeof passedHeaders>) => withIdentity(passed, user);
    const { clock } = this.#options;
    await tunnel({ ...backend, identify }, message, socket, head, { clock, tls: noAgentTls }).catch((error) => {
      throw unreachable(error);
    });
  }

  async resources(service: APIService): Promise<APIResourceList | undefined> {
    const groupVersion = groupVersionOf(service);
    return readResourceList(await this.#document(service, `/apis/${groupVersion}`), groupVersion);
  }

  async openApi(path: "/openapi/v2" | "/openapi/v3"): Promise<readonly ForeignDocument[]> {
    this.#documents.keepOnly(this.apiServices.remote());
    const asked = [...this.apiServices.remote()].map(async (service) => ({
      groupVersion: groupVersionOf(service),
      content: await this.#document(service, path),
    }));
    return (await Promise.all(asked)).filter(({ content }) => typeof content === "object" && content !== null);
  }

  async check(service: APIService, signal: AbortSignal): Promise<readonly APIResource[] | undefined> {
    const groupVersion = groupVersionOf(service);
    const path = `/apis/${groupVersion}`;
    const backend = this.#backend(service, path);
    // Whether its certificate is right is for those to see whose requests it gets.
    const trust = backend.trust.kind === "extension" ? { ...backend.trust, verify: false } : backend.trust;
    const url = `https://${backend.host}:${backend.port}${path}`;
    const answer = await this.#ask({ ...backend, trust }, signal).catch((error) => {
      const cause = new Error(`Get ${JSON.stringify(url)}`, { cause: connectionError(error) });
      throw new Error(`failing or missing response from ${url}`, { cause });
    });
    const { statusCode = 0 } = answer;
    if (statusCode < 200 || statusCode > 299) {
      answer.destroy();
      throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${statusCode}`);
    }
    try {
      const content: unknown = JSON.parse((await documentOf(answer, discoveryBytesMax)).toString());
      return readResourceList(content, groupVersion)?.resources;
    } catch {
      // Upstream looks at the status alone: it is there, if it does not say for what.
      return undefined;
    }
  }

  readonly ask: AskExtension = async (service, user, request) => {
    const backend = this.#available(service, request.path);
    try {
      return await this.#send(backend, user, request);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw unreachable(error);
    }
  };

  async #send(backend: Backend, user: User, request: ExtensionRequest): Promise<ExtensionAnswer> {
    const { method, body, isWatch, signal } = request;
    const headers = {
      accept: "application/json",
      ...(body ? { "content-type": body.mediaType, "content-length": String(Buffer.byteLength(body.text)) } : {}),
    };
    const asked = ask(backend, method, withIdentity(headers, user), noAgentTls);
    const stop = () => asked.destroy(new Error("the request was given up"));
    const late = () => asked.destroy(new Error(`no answer within ${requestTimeoutMs / 1000} seconds`));
    const timer = isWatch ? undefined : this.#options.clock.setTimer(requestTimeoutMs, late);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    asked.once("close", () => {
      timer?.cancel();
      signal?.removeEventListener("abort", stop);
    });
    const answered = answerOf(asked);
    asked.end(body?.text);
    const answer = await answered;
    return { code: answer.statusCode ?? 0, body: answer.setEncoding("utf8") };
  }

  /** Throws 503 when the server is known not to answer. */
  #available(service: APIService, path: string): Backend {
    if (!isAvailable(service)) throw serviceUnavailable("service unavailable");
    try {
      return this.#backend(service, path);
    } catch (error) {
      this.#options.log.debug("the server of an APIService cannot be found", {
        name: service.metadata.name,
        error: errorMessage(error),
      });
      throw serviceUnavailable("service unavailable");
    }
  }

  /** One of the endpoints of the APIService's Service, as with Kubernetes' --enable-aggregator-routing. */
  #backend({ spec }: APIService, path: string): Backend {
    const { lookup, random, proxyTls } = this.#options;
    const { namespace = "", name = "", port = 443 } = spec.service ?? {};
    const service = lookup.get(Services, namespace, name);
    if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
    const slices = () =>
      lookup.list(EndpointSlices, namespace).filter(({ metadata }) => metadata.labels?.[serviceNameLabel] === name);
    const address =
      service.spec.type === "ExternalName"
        ? { host: service.spec.externalName ?? "", port }
        : serviceAddress(service, slices(), { scheme: "https", name, port: String(port) }, random);
    return {
      protocol: "https:",
      ...address,
      path,
      trust: {
        kind: "extension",
        serverName: `${name}.${namespace}.svc`,
        authority: spec.caBundle ? Buffer.from(spec.caBundle, "base64").toString() : undefined,
        verify: !spec.insecureSkipTLSVerify,
        ...proxyTls(),
      },
    };
  }

  /** What the server says at `path`, as JSON; undefined while it does not answer. */
  #document(service: APIService, path: string): Promise<unknown> | undefined {
    return isAvailable(service) ? this.#documents.get(service, path) : undefined;
  }

  async #fetch(service: APIService, path: string): Promise<Buffer> {
    const answer = await this.#ask(this.#backend(service, path));
    if (answer.statusCode !== 200) {
      answer.destroy();
      throw new Error(`the server answered ${answer.statusCode}`);
    }
    return await documentOf(answer, path.startsWith("/openapi/") ? openApiBytesMax : discoveryBytesMax);
  }

  /** A GET for this server's own sake; the whole of the answer must come within a short time. */
  #ask(backend: Backend, signal?: AbortSignal): Promise<IncomingMessage> {
    const asked = ask(backend, "GET", withIdentity({ accept: "application/json" }, aggregator), noAgentTls);
    const timer = this.#options.clock.setTimer(askTimeoutMs, () =>
      asked.destroy(new Error("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")),
    );
    const stop = () => asked.destroy(new Error("the server stops"));
    signal?.addEventListener("abort", stop, { once: true });
    asked.once("close", () => {
      timer.cancel();
      signal?.removeEventListener("abort", stop);
    });
    const answer = answerOf(asked);
    asked.end();
    return answer;
  }
}

/** Agents are not asked here. */
const noAgentTls = { certificate: "", key: "", ca: "" };

/** Clients that follow show their credentials wherever that server says: kube-aggregator's reject-forwarding-redirect. */
function isRedirect({ statusCode = 0, headers }: IncomingMessage): boolean {
  return statusCode >= 300 && statusCode <= 399 && headers.location !== undefined;
}

async function documentOf(answer: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > bytesMax) throw new Error(`the document is larger than ${bytesMax} bytes`);
  }
  return Buffer.concat(chunks);
}
