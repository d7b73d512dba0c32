// Requests in JSON to a control plane, as the administrator: for tests that look at paths and documents.
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import type { ServedControlPlane } from "./served-control-plane.ts";

/** A document of the API; tests assert on what they read of it. */
// biome-ignore lint/suspicious/noExplicitAny: its kind is what the path says, which the compiler does not know.
export type Document = any;

export interface ApiAnswer {
  readonly code: number;
  readonly body: Document;
}

export interface Sent {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiWatch {
  /** The next event, as `TYPE name`, and the object. */
  next(): Promise<readonly [event: string, object: Document]>;
  close(): void;
}

export interface ApiClient {
  /** The answer to a request, whatever its code. */
  answer(method: string, path: string, sent?: Sent): Promise<ApiAnswer>;
  /** What a request gives; its code must be below 400. */
  get(path: string): Promise<Document>;
  post(path: string, body: unknown): Promise<Document>;
  put(path: string, body: unknown): Promise<Document>;
  /** A merge patch. */
  patch(path: string, body: unknown): Promise<Document>;
  delete(path: string, body?: unknown): Promise<Document>;
  /** Replaces an object after a change, again when somebody else was faster, as a controller may be. */
  replace(path: string, change: (object: Document) => void): Promise<Document>;
  watch(path: string): Promise<ApiWatch>;
  /** Reads a collection from now on until one of its objects is as it should be. */
  until(path: string, is: (object: Document) => boolean): Promise<Document>;
}

export function apiClient(plane: ServedControlPlane): ApiClient {
  const { privateKey: key, certificate: cert } = plane.keyOf("admin", "system:masters");
  const to = (path: string): RequestOptions => ({
    port: plane.port,
    path,
    key,
    cert,
    ca: plane.authority,
    host: "127.0.0.1",
  });
  const answer: ApiClient["answer"] = async (method, path, { body, headers = {} } = {}) => {
    const content = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
    const sent = request({
      ...to(path),
      method,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(content), ...headers },
    }).end(content);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return { code: response.statusCode ?? 0, body: await json(response) };
  };
  const successful = async (method: string, path: string, sent?: Sent) => {
    const { code, body } = await answer(method, path, sent);
    if (code >= 400) throw new Error(`${method} ${path}: ${code} ${body.message}`);
    return body;
  };
  const headers = { "content-type": "application/merge-patch+json" };
  const client: ApiClient = {
    answer,
    get: (path) => successful("GET", path),
    post: (path, body) => successful("POST", path, { body }),
    put: (path, body) => successful("PUT", path, { body }),
    patch: (path, body) => successful("PATCH", path, { body, headers }),
    delete: (path, body) => successful("DELETE", path, { body }),
    async replace(path, change) {
      for (let tries = 0; ; tries++) {
        const object = await successful("GET", path);
        change(object);
        const { code, body } = await answer("PUT", path, { body: object });
        if (code === 200) return body;
        if (code !== 409 || tries === 10) throw new Error(`PUT ${path}: ${code} ${body.message}`);
      }
    },
    async watch(path) {
      const sent = request(to(`${path}${path.includes("?") ? "&" : "?"}watch=true`)).end();
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      // Breaking off is an error for who still reads.
      sent.on("error", () => {});
      const lines = createInterface({ input: response })[Symbol.asyncIterator]();
      return {
        async next() {
          const { value, done } = await lines.next();
          if (done) throw new Error(`the watch of ${path} ended`);
          const { type, object } = JSON.parse(value);
          return [`${type} ${object.metadata?.name ?? object.message}`, object];
        },
        close: () => sent.destroy(),
      };
    },
    async until(path, is) {
      const watch = await client.watch(path);
      try {
        for (;;) {
          const [, object] = await watch.next();
          if (is(object)) return object;
        }
      } finally {
        watch.close();
      }
    },
  };
  return client;
}
