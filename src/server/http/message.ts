// The one shape of an HTTP request and its answer, whichever protocol brought them.

import { type Random, uuid } from "../../lib/index.ts";

export interface HttpRequest {
  readonly method: string;
  /** The path without the query, percent-encoded as it came. */
  readonly path: string;
  /** What follows the question mark; empty when there is none. */
  readonly query: string;
  readonly remoteAddress: string;
  /** The value of a header by its lower-case name; repeated ones are joined with a comma. */
  header(name: string): string | undefined;
  /** Names and values in turn, as they were sent: repeated ones stay apart. HTTP/2's pseudo-headers are among them. */
  readonly rawHeaders: readonly string[];
  /** All headers with lower-case names; HTTP/2's pseudo-headers are not among them. */
  headers(): Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The whole body. Throws ApiError 413 past `bytesMax`, 400 when the client goes away in the middle. */
  body(bytesMax: number): Promise<Buffer>;
  /** The body as it arrives. A request's body is read once, by this or by `body`. */
  bodyStream(): NodeJS.ReadableStream;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
  /** Gives up on a body that does not come: what brings it ends with the answer. */
  abandonBody(): void;
}

/**
 * The id under which a request and its answer are known: the client's own, where it gave one, as Kubernetes takes it.
 * Only printable characters can go back in a header.
 */
export function auditIdOf(request: HttpRequest, random: Random): string {
  const given = request.header(auditIdHeader);
  return given !== undefined && /^[!-~]+$/.test(given) ? given : uuid(random);
}

export const auditIdHeader = "audit-id";

export type HttpHeaders = Record<string, string | number | string[]>;

export interface HttpResponse {
  readonly started: boolean;
  /** The code of the answer; 0 before it has started. */
  readonly status: number;
  /** Of the body that `end` sent. */
  readonly bytes: number;
  /** Whether each write of a body that streams is a message of its own. */
  readonly isMessages?: boolean;
  /** The id under which the request is known; it goes with the answer. */
  readonly auditId: string;
  /** Headers that go with the answer, whoever gives it. */
  addHeaders(headers: HttpHeaders): void;
  /** The whole answer at once; its body is what the parts give together. */
  end(status: number, headers: HttpHeaders, ...parts: readonly (string | Uint8Array)[]): void;
  /** Sends the head; the body follows through the writer. */
  start(status: number, headers: HttpHeaders): BodyWriter;
  /** Resolves when an answer that was given at once has left, or its client; undefined where that need not be waited for. */
  readonly sent: Promise<void> | undefined;
  /** Breaks off an answer that has begun, if not all of it has left. */
  abort(): void;
}

/** What is larger may lie here for as long as its client does not read: the machine's own buffers take what is smaller. */
export const waitingBytesMin = 64 * 1024;

export function sizeOf(parts: readonly (string | Uint8Array)[]): number {
  let size = 0;
  for (const part of parts) size += typeof part === "string" ? Buffer.byteLength(part) : part.length;
  return size;
}

export interface BodyWriter {
  /** Resolves when there is room for more; at once as long as the client keeps up. Rejects when it is gone. */
  write(chunk: string | Uint8Array): Promise<void> | undefined;
  end(): void;
  /** Breaks the connection off, so that the client sees that the answer is not whole. */
  abort(): void;
}
