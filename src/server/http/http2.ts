import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
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

/** A stream of an HTTP/2 session: the core API, for its compatibility layer is half as fast. */
export class Http2Request implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly rawHeaders: readonly string[];
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  #abort: AbortController | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    const url = headers[":path"] ?? "/";
    const mark = url.indexOf("?");
    this.method = headers[":method"] ?? "GET";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
    this.#stream = stream;
    this.#headers = headers;
    this.rawHeaders = rawHeaders;
  }

  get remoteAddress(): string {
    return this.#stream.session?.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  headers(): Readonly<Record<string, string | readonly string[] | undefined>> {
    return Object.fromEntries(Object.entries(this.#headers).filter(([name]) => !name.startsWith(":")));
  }

  body(bytesMax: number): Promise<Buffer> {
    return readBody(this.#stream, bytesMax, this.#headers["content-length"]);
  }

  bodyStream(): NodeJS.ReadableStream {
    return this.#stream;
  }

  /** Made when somebody asks: most requests are answered before anyone needs it. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      this.#abort = abort;
      if (this.#stream.closed) abort.abort();
      else this.#stream.once("close", () => abort.abort());
    }
    return this.#abort.signal;
  }

  abandonBody(): void {
    const stream = this.#stream;
    if (!stream.readableEnded) stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
  }
}

export class Http2Response implements HttpResponse {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  readonly auditId: string;
  readonly #more: HttpHeaders;
  bytes = 0;
  readonly #answers: Batch;
  /** 0 as long as nothing was answered. */
  #status = 0;
  sent: Promise<void> | undefined;

  constructor(stream: ServerHttp2Stream, answers: Batch, isHead: boolean, auditId: string) {
    this.#stream = stream;
    this.#answers = answers;
    this.#isHead = isHead;
    this.auditId = auditId;
    this.#more = { [auditIdHeader]: auditId };
  }

  addHeaders(headers: HttpHeaders): void {
    Object.assign(this.#more, headers);
  }

  get started(): boolean {
    return this.#status !== 0;
  }

  get status(): number {
    return this.#status;
  }

  end(status: number, headers: HttpHeaders, ...parts: readonly (string | Uint8Array)[]): void {
    // As Node says it of HTTP/1.1: work that ends after its request was late must not end that answer.
    if (this.started) throw new Error("the request is answered already");
    headers[":status"] = status;
    const size = sizeOf(parts);
    this.bytes = size;
    headers["content-length"] = size;
    Object.assign(headers, this.#more);
    this.#status = status;
    if (size > waitingBytesMin) this.sent = leaving(this.#stream);
    this.#answers.add(() => {
      try {
        this.#send(headers, size, parts);
      } catch (error) {
        // A header that HTTP/2 does not take is our mistake, and nobody's loss but this client's.
        this.#stream.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #send(headers: HttpHeaders, size: number, parts: readonly (string | Uint8Array)[]): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    if (this.#isHead || size === 0) stream.respond(headers, { endStream: true });
    else {
      stream.respond(headers);
      for (const part of parts.slice(0, -1)) stream.write(part);
      stream.end(parts.at(-1));
    }
    // A client that still sends a body nobody reads would otherwise keep the stream open.
    if (!stream.readableEnded && stream.endAfterHeaders === false && !stream.readableFlowing) stream.resume();
  }

  start(status: number, headers: HttpHeaders): BodyWriter {
    headers[":status"] = status;
    Object.assign(headers, this.#more);
    this.#stream.respond(headers);
    this.#status = status;
    return new Http2Writer(this.#stream);
  }

  abort(): void {
    if (!this.#stream.writableFinished) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

class Http2Writer extends StreamWriter {
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    super(stream);
    this.#stream = stream;
  }

  override abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}
