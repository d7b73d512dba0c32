import { readFile } from "node:fs/promises";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { type Clock, type Random, sleep, type Timer } from "../../lib/index.ts";
import { type Backoff, jitteredBackoffMs } from "../index.ts";

/** Where the API server is and how to prove who asks. PEM texts; nothing of it is ever logged. */
export interface ConnectionOptions {
  /** `https://host:port`. */
  readonly server: string;
  /** The certificates that the server's must come from; the machine's own when left out. */
  readonly ca?: string;
  /** The name that the server's certificate must hold, when it is not the host of `server`. */
  readonly serverName?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** A file that holds a token and may be renewed. */
  readonly tokenFile?: string;
}

export interface ConnectionEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** How the client names itself to the server. */
  readonly userAgent?: string;
}

/** An answer whose body is still to be read. */
export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  /** Gives text. Destroying it cancels the request. */
  readonly body: ClientHttp2Stream;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

const connectTimeoutMs = 10_000;
/** A server that is being started answers within a second: who waits for it knows some 30 ms later… */
const promptBackoff: Backoff = { firstMs: 20, maxMs: 20 };
const promptTries = 30;
/** …and one that stays away is tried less and less often. */
const connectBackoff: Backoff = { firstMs: 50, maxMs: 5_000 };
/** As client-go: a connection that brings nothing for so long is asked whether it lives… */
const idleBeforePingMs = 30_000;
/** …and is closed when it does not answer for so long. */
const pingTimeoutMs = 15_000;
/** A token file is read again after this; client-go's period. */
const tokenAgeMsMax = 60_000;
/** What one stream and all streams together may have on the way, so that one slow watch does not stop the others. */
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 32 * 1024 * 1024;

/** One HTTP/2 connection to the API server, made when it is needed and made anew when it is lost. */
export class Connection {
  readonly #environment: ConnectionEnvironment;
  #options: ConnectionOptions;
  /** What is open, with those that end when what is under way on them has. */
  readonly #sessions = new Set<ClientHttp2Session>();
  /** The one for requests to come. */
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<ClientHttp2Session> | undefined;
  #failures = 0;
  #notBeforeMs = 0;
  #token: { readonly text: string; readonly readMs: number } | undefined;
  #closed = false;

  constructor(options: ConnectionOptions, environment: ConnectionEnvironment) {
    if (!options.server.startsWith("https://"))
      throw new Error(`the server ${options.server} is not an https:// address`);
    this.#options = options;
    this.#environment = environment;
  }

  /** Sends a request and resolves with its answer's head. Throws what went wrong with the connection, as a sentence. */
  async send(request: Request): Promise<Answer> {
    const headers = await this.#headers(request);
    for (let attempt = 0; ; attempt++) {
      const session = await this.#usable(request.signal);
      try {
        return await this.#exchange(session, headers, request);
      } catch (error) {
        if (request.signal?.aborted || this.#closed) throw error;
        // A server that goes away refuses what it has not looked at, and a read does no harm twice.
        if (attempt === 0 && (wasRefused(error) || request.method === "GET")) continue;
        throw new Error(`${request.method} ${this.#options.server}${pathOnly(request.path)} failed`, { cause: error });
      }
    }
  }

  /** Proves with these from the next request on who asks; what is under way goes on as it began. */
  async renew(options: ConnectionOptions): Promise<void> {
    this.#options = options;
    await this.#connecting?.catch(() => {
      // Who asked for the connection is told.
    });
    this.#session?.close();
    this.#session = undefined;
  }

  /** Ends the connection and what is under way. */
  close(): void {
    this.#closed = true;
    for (const session of this.#sessions) session.destroy();
    this.#session = undefined;
  }

  async #headers(request: Request): Promise<OutgoingHttpHeaders> {
    const token = this.#options.token ?? (await this.#tokenOfFile());
    return {
      ":method": request.method,
      ":path": request.path,
      accept: "application/json",
      "user-agent": this.#environment.userAgent ?? "roder",
      ...(request.contentType === undefined ? {} : { "content-type": request.contentType }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  async #tokenOfFile(): Promise<string | undefined> {
    const { tokenFile } = this.#options;
    if (tokenFile === undefined) return undefined;
    const nowMs = this.#environment.clock.monotonicMs();
    if (!this.#token || nowMs - this.#token.readMs >= tokenAgeMsMax) {
      this.#token = { text: (await readFile(tokenFile, "utf8")).trim(), readMs: nowMs };
    }
    return this.#token.text;
  }

  async #usable(signal: AbortSignal | undefined): Promise<ClientHttp2Session> {
    signal?.throwIfAborted();
    if (this.#closed) throw new Error("the client is closed");
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    const session = await this.#connecting;
    // The request was given up while the connection was made: it must not be sent.
    signal?.throwIfAborted();
    return session;
  }

  /** Connects, not sooner after a failure than the backoff says. */
  async #connect(): Promise<ClientHttp2Session> {
    const { clock, random } = this.#environment;
    const tooEarlyMs = this.#notBeforeMs - clock.monotonicMs();
    if (tooEarlyMs > 0) await sleep(clock, tooEarlyMs);
    if (this.#closed) throw new Error("the client is closed");
    try {
      const session = await this.#open();
      if (this.#closed) session.destroy();
      this.#session = session;
      this.#failures = 0;
      return session;
    } catch (error) {
      const late = this.#failures++ - promptTries;
      const waitMs =
        late < 0 ? jitteredBackoffMs(promptBackoff, 0, random) : jitteredBackoffMs(connectBackoff, late, random);
      this.#notBeforeMs = clock.monotonicMs() + waitMs;
      throw new Error(`cannot connect to the API server at ${this.#options.server}`, { cause: error });
    }
  }

  #open(): Promise<ClientHttp2Session> {
    const { server, ca, serverName, clientCertificate, clientKey } = this.#options;
    const { clock } = this.#environment;
    return new Promise((resolve, reject) => {
      const session = connect(server, {
        ...(ca === undefined ? {} : { ca }),
        ...(serverName === undefined ? {} : { servername: serverName }),
        ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
        ...(clientKey === undefined ? {} : { key: clientKey }),
        settings: { enablePush: false, initialWindowSize: streamWindowBytes },
      });
      this.#sessions.add(session);
      const timeout = clock.setTimer(connectTimeoutMs, () =>
        session.destroy(new Error(`no answer in ${connectTimeoutMs / 1000} s`)),
      );
      session.once("connect", () => {
        timeout.cancel();
        session.setLocalWindowSize(sessionWindowBytes);
        this.#watchOver(session);
        resolve(session);
      });
      // After the connection stands, every open stream reports its loss; here it only must not be unhandled.
      session.on("error", (error) => {
        timeout.cancel();
        reject(error);
      });
      session.once("close", () => {
        timeout.cancel();
        this.#sessions.delete(session);
        if (this.#session === session) this.#session = undefined;
        reject(new Error("the connection was closed"));
      });
      session.once("goaway", () => {
        // What is open may end; what comes takes a new connection.
        if (this.#session === session) this.#session = undefined;
      });
    });
  }

  /** Notices a peer that is gone without a word: where nothing comes, it is pinged. */
  #watchOver(session: ClientHttp2Session): void {
    const { clock } = this.#environment;
    let bytesSeen = 0;
    let timer: Timer | undefined;
    const look = () => {
      const bytes = session.socket?.bytesRead ?? 0;
      if (bytes !== bytesSeen) {
        bytesSeen = bytes;
        timer = clock.setTimer(idleBeforePingMs, look);
        return;
      }
      timer = clock.setTimer(pingTimeoutMs, () => session.destroy(new Error("the API server does not answer pings")));
      session.ping((error) => {
        timer?.cancel();
        if (!error) timer = clock.setTimer(idleBeforePingMs, look);
      });
    };
    timer = clock.setTimer(idleBeforePingMs, look);
    session.once("close", () => timer?.cancel());
  }

  #exchange(session: ClientHttp2Session, headers: OutgoingHttpHeaders, request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { signal } = request;
      const stream = session.request(headers, { endStream: request.body === undefined });
      const onAbort = () => {
        reject(signal?.reason);
        stream.close(constants.NGHTTP2_CANCEL);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      stream.setEncoding("utf8");
      // Node gives the status as a number.
      stream.once("response", (head) => resolve({ code: Number(head[":status"]), headers: head, body: stream }));
      stream.on("error", reject);
      stream.once("close", () => {
        signal?.removeEventListener("abort", onAbort);
        reject(new StreamClosed(stream.rstCode));
      });
      if (request.body !== undefined) stream.end(request.body);
    });
  }
}

class StreamClosed extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the server closed the stream with code ${code} before it answered`);
    this.code = code;
  }
}

/** Whether the server is known not to have looked at the request. */
function wasRefused(error: unknown): boolean {
  if (error instanceof StreamClosed) return error.code === constants.NGHTTP2_REFUSED_STREAM;
  // Node's own codes for a session that ended before the stream began.
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_HTTP2_GOAWAY_SESSION" || code === "ERR_HTTP2_INVALID_SESSION";
}

function pathOnly(path: string): string {
  const query = path.indexOf("?");
  return query < 0 ? path : path.slice(0, query);
}
