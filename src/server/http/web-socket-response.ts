import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { isTokenProtocol } from "./credentials.ts";
import { auditIdHeader, type BodyWriter, type HttpHeaders, type HttpResponse, sizeOf } from "./message.ts";
import { contentTypes } from "./negotiation.ts";
import { writeRaw } from "./raw-answer.ts";

/** Clients have nothing to say on a watch; what they send is read and forgotten. */
const receivedBytesMax = 64 * 1024;
/** What may wait in a socket before its writer is told to wait. */
const waitingBytesMax = 64 * 1024;

/**
 * The answer to a watch over a WebSocket: its body is messages, text for JSON and binary for the rest
 * (apiserver/pkg/endpoints/handlers/watch.go). What is no stream is answered as over plain HTTP, without an upgrade.
 */
export class WebSocketResponse implements HttpResponse {
  readonly auditId: string;
  readonly isMessages = true;
  readonly sent = undefined;
  status = 0;
  bytes = 0;
  readonly #connection: readonly [message: IncomingMessage, socket: Duplex, head: Buffer];
  readonly #more: HttpHeaders;
  #body: BodyWriter | undefined;

  constructor(auditId: string, ...connection: readonly [message: IncomingMessage, socket: Duplex, head: Buffer]) {
    this.auditId = auditId;
    this.#connection = connection;
    this.#more = { [auditIdHeader]: auditId };
  }

  get started(): boolean {
    return this.status !== 0;
  }

  addHeaders(headers: HttpHeaders): void {
    Object.assign(this.#more, headers);
  }

  end(status: number, headers: HttpHeaders, ...parts: readonly (string | Uint8Array)[]): void {
    this.status = status;
    this.bytes = sizeOf(parts);
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    writeRaw(this.#connection[1], status, { ...headers, ...this.#more }, body);
  }

  start(_status: number, headers: HttpHeaders): BodyWriter {
    this.status = 101;
    const server = new WebSocketServer({
      noServer: true,
      maxPayload: receivedBytesMax,
      handleProtocols: (offered) => [...offered].find((each) => !isTokenProtocol(each)) ?? false,
    });
    server.on("headers", (lines) => {
      for (const [name, value] of Object.entries(this.#more)) lines.push(`${name}: ${value}`);
    });
    let accepted: WebSocket | undefined;
    // A handshake that is wrong is answered by the library, and nobody is there to write to.
    server.handleUpgrade(...this.#connection, (webSocket) => {
      accepted = webSocket;
    });
    this.#body = new MessageWriter(accepted, headers["content-type"] === contentTypes.json);
    return this.#body;
  }

  abort(): void {
    this.#body?.abort();
  }
}

class MessageWriter implements BodyWriter {
  readonly #webSocket: WebSocket | undefined;
  readonly #isText: boolean;

  constructor(webSocket: WebSocket | undefined, isText: boolean) {
    this.#webSocket = webSocket;
    this.#isText = isText;
    // A broken connection is closed too, which ends the watch.
    webSocket?.on("error", () => {});
  }

  write(chunk: string | Uint8Array): Promise<void> | undefined {
    const webSocket = this.#webSocket;
    if (!webSocket || webSocket.readyState !== webSocket.OPEN) return Promise.reject(new Error("the client is gone"));
    const isWaiting = webSocket.bufferedAmount > waitingBytesMax;
    const sent = Promise.withResolvers<void>();
    webSocket.send(chunk, { binary: !this.#isText }, (error) => (error ? sent.reject(error) : sent.resolve()));
    if (isWaiting) return sent.promise;
    // Who does not wait is told by the next write that the client is gone.
    sent.promise.catch(() => {});
    return undefined;
  }

  end(): void {
    this.#webSocket?.close(1000);
  }

  abort(): void {
    this.#webSocket?.terminate();
  }
}
