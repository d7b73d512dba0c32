import {
  ApiError,
  apiVersionOf,
  type KubeObject,
  type ObjectList,
  queryOf,
  type ResourceReference,
  resourcePath,
  type Status,
  type WatchEvent,
} from "../../api/index.ts";
import { type Draft, deepFreeze, formatJson, JsonLines, parseJson, sleep } from "../../lib/index.ts";
import {
  type Client,
  defaultPatchType,
  type GetOptions,
  identified,
  type ListOptions,
  type ObjectKey,
  type ReadOptions,
  type WatchOptions,
  type WriteOptions,
} from "../index.ts";
import {
  type Answer,
  Connection,
  type ConnectionEnvironment,
  type ConnectionOptions,
  type Request,
} from "./connection.ts";

export interface HttpsClientOptions extends ConnectionOptions, ConnectionEnvironment {
  /** How long an answer other than a watch may take; 60 s when left out, as the server itself allows. */
  readonly requestTimeoutMs?: number;
}

/** A Client that can be closed; a process does not end while it is open. */
export interface HttpsClient extends Client {
  /** Takes other credentials, as when certificates were issued anew, for the requests to come. */
  renew(options: ConnectionOptions): Promise<void>;
  close(): void;
}

const requestTimeoutMsDefault = 60_000;
/** A longer answer is refused. 100,000 pods are about half of this. */
const answerCharactersMax = 400 * 1024 * 1024;
/** The server takes no object above 3 MiB; escapes may make its JSON longer. */
const eventCharactersMax = 16 * 1024 * 1024;
/** How often a server that is too busy (429, or 5xx with Retry-After) is asked again; client-go's number. */
const busyRetriesMax = 10;

/**
 * A Client over HTTPS with HTTP/2. Throws ApiError for what the server answers, and an Error whose cause says more when
 * there is no answer.
 */
export function httpsClient(options: HttpsClientOptions): HttpsClient {
  const connection = new Connection(options, options);
  const exchange = new Exchange(connection, options);
  return {
    renew: (renewed) => connection.renew(renewed),
    close: () => connection.close(),
    async get<T extends KubeObject>(resource: ResourceReference<T>, key: ObjectKey, options: GetOptions = {}) {
      const { signal: _signal, subresource, ...query } = options;
      const path = pathOf(resource, key, subresource) + queryOf(query);
      return frozen<T>(await exchange.json({ method: "GET", path, ...signalOf(options) }));
    },
    async list<T extends KubeObject>(resource: ResourceReference<T>, options?: ListOptions) {
      const list = await exchange.json({ method: "GET", ...collection(resource, options), ...signalOf(options) });
      return namedItems(list as Draft<ObjectList<T>>, resource);
    },
    async *watch<T extends KubeObject>(resource: ResourceReference<T>, options: WatchOptions) {
      const { path } = collection(resource, options, { watch: true });
      for await (const event of exchange.lines({ method: "GET", path, signal: options.signal })) {
        yield watchEvent<T>(event);
      }
    },
    async create<T extends KubeObject>(resource: ResourceReference<T>, object: object, options?: WriteOptions) {
      const body = identified(resource, object, options?.subresource);
      return frozen<T>(await exchange.json(write("POST", resource, namespaceOf(object), body, options)));
    },
    async update<T extends KubeObject>(resource: ResourceReference<T>, object: object, options?: WriteOptions) {
      const body = identified(resource, object, options?.subresource);
      return frozen<T>(await exchange.json(write("PUT", resource, keyOfObject(object), body, options)));
    },
    async patch<T extends KubeObject>(
      resource: ResourceReference<T>,
      key: ObjectKey,
      patch: unknown,
      options?: WriteOptions & { readonly type?: string },
    ) {
      const { type = defaultPatchType, ...rest } = options ?? {};
      return frozen<T>(await exchange.json({ ...write("PATCH", resource, key, patch, rest), contentType: type }));
    },
    async delete(resource, key, options) {
      await exchange.json({
        method: "DELETE",
        path: pathOf(resource, key),
        ...jsonBody(options?.body),
        ...signalOf(options),
      });
    },
    async deleteCollection(resource, options) {
      const { body, ...rest } = options ?? {};
      await exchange.json({ method: "DELETE", ...collection(resource, rest), ...jsonBody(body), ...signalOf(rest) });
    },
    async createSubresource<Body extends object, Answer>(
      resource: ResourceReference,
      key: ObjectKey,
      subresource: string,
      body: Body,
      options?: ReadOptions,
    ) {
      const path = pathOf(resource, key, subresource);
      return frozen<Answer>(await exchange.json({ method: "POST", path, ...jsonBody(body), ...signalOf(options) }));
    },
  };
}

/** Requests and their answers, with time limits and retries for a busy server. */
class Exchange {
  readonly #connection: Connection;
  readonly #options: HttpsClientOptions;

  constructor(connection: Connection, options: HttpsClientOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** The body of a successful answer. */
  async json(request: Request): Promise<unknown> {
    const { clock, requestTimeoutMs = requestTimeoutMsDefault } = this.#options;
    const late = new AbortController();
    const timer = clock.setTimer(requestTimeoutMs, () =>
      late.abort(new Error(`${request.method} had no answer in ${requestTimeoutMs / 1000} s`)),
    );
    const signal = request.signal ? AbortSignal.any([request.signal, late.signal]) : late.signal;
    try {
      const answer = await this.#successful({ ...request, signal });
      return parseJson(await textOf(answer, signal));
    } finally {
      timer.cancel();
    }
  }

  /** The JSON values of a successful answer's lines, as they come. */
  async *lines(request: Request): AsyncIterable<unknown> {
    const { body } = await this.#successful(request);
    const lines = new JsonLines(eventCharactersMax);
    try {
      for await (const chunk of body) yield* lines.push(chunk as string);
      request.signal?.throwIfAborted();
      throwIfLost(body);
    } finally {
      body.destroy();
    }
  }

  async #successful(request: Request): Promise<Answer> {
    const { clock } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#connection.send(request);
      if (answer.code < 300) return answer;
      const text = await textOf(answer, request.signal);
      const retryAfterSeconds = Number(answer.headers["retry-after"] ?? Number.NaN);
      const busy = answer.code === 429 || answer.code >= 500;
      if (!busy || !(retryAfterSeconds >= 0) || attempt >= busyRetriesMax) throw errorOf(answer.code, text);
      await sleep(clock, retryAfterSeconds * 1000, request.signal);
    }
  }
}

async function textOf({ body }: Answer, signal: AbortSignal | undefined): Promise<string> {
  let text = "";
  try {
    for await (const chunk of body) {
      // setEncoding made the chunks strings.
      text += chunk as string;
      if (text.length > answerCharactersMax) throw new Error("the server's answer is too long");
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  signal?.throwIfAborted();
  throwIfLost(body);
  return text;
}

/** A stream that was cancelled, by this side or because the connection was lost, ends as if it were whole. */
function throwIfLost({ rstCode }: Answer["body"]): void {
  if (rstCode) throw new Error(`the connection to the API server was lost (stream code ${rstCode})`);
}

/** The error that an answer tells of. Proxies between answer in words of their own. */
function errorOf(code: number, text: string): ApiError {
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status") return ApiError.from({ ...status, code: status.code ?? code });
  } catch {
    // Not JSON: the text itself is all there is to say.
  }
  return new ApiError(code, "", `the server answered ${code}: ${text.slice(0, 200).trim()}`);
}

function watchEvent<T extends KubeObject>(value: unknown): WatchEvent<T> {
  // The server speaks the watch protocol: ERROR brings a Status, all others the object of the resource.
  const event = deepFreeze(value) as WatchEvent<T> | { readonly type: "ERROR"; readonly object: Status };
  if (event.type === "ERROR") throw ApiError.from(event.object);
  return event;
}

/** Lists leave out what each item is; objects that are passed on must say it. */
function namedItems<T extends KubeObject>(list: Draft<ObjectList<T>>, resource: ResourceReference<T>): ObjectList<T> {
  const apiVersion = apiVersionOf(resource);
  const items = list.items.map((item) => ({ apiVersion, kind: resource.kind, ...(item as T) }));
  return deepFreeze({ ...(list as ObjectList<T>), items });
}

function frozen<T>(value: unknown): T {
  // The caller's resource says what the server answers with.
  return deepFreeze(value) as T;
}

function pathOf(resource: ResourceReference, key: Partial<ObjectKey>, subresource?: string): string {
  const { group, version, plural, namespaced } = resource;
  const namespace = namespaced ? key.namespace : undefined;
  return resourcePath({ group, version, plural, namespace, name: key.name, subresource });
}

function collection(resource: ResourceReference, options: ListOptions = {}, more: Record<string, boolean> = {}) {
  const { namespace, signal: _signal, ...query } = options;
  return {
    path: pathOf(resource, namespace === undefined ? {} : { namespace }) + queryOf({ ...query, ...more }),
  };
}

function write(
  method: string,
  resource: ResourceReference,
  key: Partial<ObjectKey>,
  body: unknown,
  options: WriteOptions = {},
): Request {
  const { signal, subresource, ...query } = options;
  return {
    method,
    path: pathOf(resource, key, subresource) + queryOf(query),
    ...jsonBody(body),
    ...(signal === undefined ? {} : { signal }),
  };
}

function jsonBody(body: unknown): Pick<Request, "body" | "contentType"> {
  return body === undefined ? {} : { body: formatJson(body), contentType: "application/json" };
}

function signalOf(options: ReadOptions | undefined): Pick<Request, "signal"> {
  return options?.signal === undefined ? {} : { signal: options.signal };
}

function keyOfObject(object: object): Partial<ObjectKey> {
  // Objects that are written have metadata; Client's signatures hold that.
  const { namespace, name } = (object as KubeObject).metadata;
  return { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
}

function namespaceOf(object: object): Partial<ObjectKey> {
  const { namespace } = keyOfObject(object);
  return namespace === undefined ? {} : { namespace };
}
