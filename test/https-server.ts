// An API server over memory behind real HTTPS, with a certificate authority of its own, for tests.
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { request } from "node:https";
import { createInterface } from "node:readline";
import { issue, type KeyPair } from "../src/cluster/pki/certificate.ts";
import { versionInfo } from "../src/cluster/version.ts";
import { type Clock, type Logger, seededRandom, silentLogger, systemClock, systemRandom } from "../src/lib/index.ts";
import { createX509Authenticator } from "../src/server/authentication/index.ts";
import { type HttpServerOptions, type Listener, startHttpServer } from "../src/server/http/index.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../src/server/server-for-tests.ts";

const random = seededRandom(1);
const day = 86_400_000;
const nowMs = systemClock.now();
const validity = { notBeforeMs: nowMs - day, notAfterMs: nowMs + day };
const client = { commonName: "admin", organizations: ["system:masters"], usage: "client", ...validity } as const;

export const authority = issue({ commonName: "ca", usage: "authority", ...validity }, random);
export const clientKey = issue(client, random, authority);
/** Of somebody without special rights. */
export const janeKey = issue({ ...client, commonName: "jane", organizations: ["dev"] }, random, authority);
/** Says the same as `clientKey`, and nobody has signed it. */
export const strangerKey = issue(client, random);
const alternativeNames = ["127.0.0.1"];
const serverKey = issue({ commonName: "server", usage: "server", alternativeNames, ...validity }, random, authority);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as it came. */
  readonly bytes: Buffer;
}

export interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
  /** Null: no certificate. */
  readonly key?: KeyPair | null;
  /** Over HTTP/2 instead of HTTP/1.1. */
  readonly http2?: boolean;
}

/** An answer that streams, line by line. */
export interface LineStream {
  next(): Promise<string>;
  /** Breaks the connection off. */
  end(): void;
}

export interface HttpsServer {
  readonly server: TestServer;
  readonly listener: Listener;
  /** A connection of HTTP/2 that its maker closes. */
  session(key?: KeyPair | null): ClientHttp2Session;
  send(method: string, path: string, sent?: Sent): Promise<Answer>;
  stream(path: string, headers?: Record<string, string>): Promise<LineStream>;
  close(): Promise<void>;
}

/** What a stream of HTTP/2 brings back. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const [{ ":status": status = 0, ...headers }] = (await once(stream, "response")) as [
    IncomingHttpHeaders & { ":status"?: number },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { status, headers, text: bytes.toString(), bytes };
}

export interface HttpsServerOptions
  extends TestServerOptions,
    Pick<HttpServerOptions, "healthChecks" | "limits" | "anonymous" | "auditor" | "profiler" | "paths"> {
  readonly httpLog?: Logger;
  /** The clock of HTTP's own timeouts. */
  readonly httpClock?: Clock;
}

export async function startHttpsServer(all: HttpsServerOptions = {}): Promise<HttpsServer> {
  const { healthChecks, limits, anonymous, auditor, profiler, paths, httpLog, httpClock, ...options } = all;
  const server = await startTestServer(options);
  const listener = await startHttpServer({
    api: server.api,
    authenticator: createX509Authenticator(systemClock),
    tls: { key: serverKey.privateKey, certificate: serverKey.certificate, clientCa: authority.certificate },
    address: "127.0.0.1",
    port: 0,
    advertised: "127.0.0.1:6443",
    version: versionInfo,
    ...(healthChecks ? { healthChecks } : {}),
    ...(limits ? { limits } : {}),
    ...(auditor ? { auditor } : {}),
    ...(profiler ? { profiler } : {}),
    ...(anonymous ? { anonymous } : {}),
    ...(paths ? { paths } : {}),
    clock: httpClock ?? systemClock,
    random: systemRandom,
    log: httpLog ?? silentLogger,
  });
  const target = (path: string, key: KeyPair | null) => ({
    host: "127.0.0.1",
    port: listener.port,
    path,
    ca: authority.certificate,
    ...(key ? { key: key.privateKey, cert: key.certificate } : {}),
    agent: false as const,
  });
  const https: HttpsServer = {
    server,
    listener,
    session: (key = clientKey) => connect(`https://127.0.0.1:${listener.port}`, target("", key)),
    async send(method, path, { headers = {}, body, key = clientKey, http2 = false } = {}) {
      if (http2) {
        const session = https.session(key);
        try {
          const head = { ":method": method, ":path": path, ...headers };
          return await answerOf(session.request(head, { endStream: body === undefined }).end(body));
        } finally {
          session.close();
        }
      }
      return new Promise((resolve, reject) => {
        const sent = request({ ...target(path, key), method, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const bytes = Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: bytes.toString(), bytes });
          });
          response.on("error", reject);
        });
        sent.on("error", reject);
        sent.end(body);
      });
    },
    async stream(path, headers = {}) {
      const sent = request({ ...target(path, clientKey), headers }).end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      // Breaking off is an error for who still reads.
      sent.on("error", () => {});
      const lines = createInterface({ input: response })[Symbol.asyncIterator]();
      return { next: async () => (await lines.next()).value ?? "", end: () => sent.destroy() };
    },
    async close() {
      await listener.close();
      await server.close();
    },
  };
  return https;
}
