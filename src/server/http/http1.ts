import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody, StreamWriter } from "./body.ts";
import type { BodyWriter, HttpHeaders, HttpRequest, HttpResponse } from "./message.ts";

/** A request of Node's HTTP/1.1 server. */
export class Http1Request implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #abort: AbortController | undefined;

  constructor(message: IncomingMessage, response: ServerResponse) {
    const url = message.url ?? "/";
    const mark = url.indexOf("?");
    this.method = message.method ?? "GET";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
    this.#message = message;
    this.#response = response;
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  headers(): Readonly<Record<string, string | readonly string[] | undefined>> {
    return this.#message.headers;
  }

  body(bytesMax: number): Promise<Buffer> {
    return readBody(this.#message, bytesMax, this.#message.headers["content-length"]);
  }

  bodyStream(): NodeJS.ReadableStream {
    return this.#message;
  }

  /** Made when somebody asks: most requests are answered before anyone needs it. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.#response.destroyed) abort.abort();
      else this.#response.once("close", () => abort.abort());
    }
    return this.#abort.signal;
  }
}

export class Http1Response implements HttpResponse {
  readonly #response: ServerResponse;
  readonly #isHead: boolean;

  constructor(response: ServerResponse, isHead: boolean) {
    this.#response = response;
    this.#isHead = isHead;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  end(status: number, headers: HttpHeaders, body: string | Uint8Array = ""): void {
    headers["content-length"] = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    this.#response.writeHead(status, headers);
    this.#response.end(this.#isHead ? undefined : body);
  }

  start(status: number, headers: HttpHeaders): BodyWriter {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
    return new StreamWriter(this.#response);
  }
}
