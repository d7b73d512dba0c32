import type { IncomingMessage, ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import type { Batch } from "./batch.ts";
import { leaving, readBody, StreamWriter } from "./body.ts";
import {
  auditIdHeader,
  type BodyWriter,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  sizeOf,
  waitingBytesMin,
} from "./message.ts";

/** A request of Node's HTTP/1.1 server. */
export class Http1Request implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly #message: IncomingMessage;
  readonly #connection: Writable;
  #abort: AbortController | undefined;

  /** `connection` closes when the client is gone: the response, or the socket of an upgrade. */
  constructor(message: IncomingMessage, connection: Writable) {
    // A server takes targets with scheme and host too (RFC 9112, 3.2.2): who is its own proxy sends them.
    const url = (message.url ?? "/").replace(/^https?:\/\/[^/?]*(?=\/)/i, "");
    const mark = url.indexOf("?");
    this.method = message.method ?? "GET";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
    this.#message = message;
    this.#connection = connection;
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? "";
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders;
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
      if (this.#connection.destroyed) abort.abort();
      else this.#connection.once("close", () => abort.abort());
    }
    return this.#abort.signal;
  }

  abandonBody(): void {
    const message = this.#message;
    if (message.complete) return;
    // Once it is answered a message hears no more of its socket.
    message.socket.once("close", () => message.destroy());
    this.#connection.once("finish", () => message.socket.destroySoon());
  }
}

export class Http1Response implements HttpResponse {
  readonly #response: ServerResponse;
  readonly #answers: Batch;
  readonly #isHead: boolean;
  readonly auditId: string;
  readonly #more: HttpHeaders;
  sent: Promise<void> | undefined;
  bytes = 0;

  constructor(response: ServerResponse, answers: Batch, isHead: boolean, auditId: string) {
    this.#response = response;
    this.#answers = answers;
    this.#isHead = isHead;
    this.auditId = auditId;
    this.#more = { [auditIdHeader]: auditId };
  }

  addHeaders(headers: HttpHeaders): void {
    Object.assign(this.#more, headers);
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  get status(): number {
    return this.#response.headersSent ? this.#response.statusCode : 0;
  }

  end(status: number, headers: HttpHeaders, ...parts: readonly (string | Uint8Array)[]): void {
    this.bytes = sizeOf(parts);
    headers["content-length"] = this.bytes;
    Object.assign(headers, this.#more);
    // Checks the headers, and sends nothing yet.
    this.#response.writeHead(status, headers);
    if (this.bytes > waitingBytesMin) this.sent = leaving(this.#response);
    this.#answers.add(() => {
      if (!this.#isHead) for (const part of parts.slice(0, -1)) this.#response.write(part);
      this.#response.end(this.#isHead ? undefined : parts.at(-1));
    });
  }

  start(status: number, headers: HttpHeaders): BodyWriter {
    Object.assign(headers, this.#more);
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
    return new StreamWriter(this.#response);
  }

  abort(): void {
    if (!this.#response.writableFinished) this.#response.destroy();
  }
}
