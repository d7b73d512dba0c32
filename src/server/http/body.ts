import type { Readable, Writable } from "node:stream";
import { badRequest, tooLarge } from "../../api/index.ts";
import type { BodyWriter } from "./message.ts";

const tooLargeMessage = (bytesMax: number) => `Request entity too large: limit is ${bytesMax}`;

const brokenOff = "the request's body broke off";

/** Everything that `stream` brings. Throws ApiError 413 past `bytesMax`, 400 when it breaks off. */
export function readBody(stream: Readable, bytesMax: number, contentLength: string | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (contentLength !== undefined && Number(contentLength) > bytesMax) {
      reject(tooLarge(tooLargeMessage(bytesMax)));
      return;
    }
    // An HTTP/2 stream without data ends by itself, with nobody listening yet.
    if (stream.readableEnded) {
      resolve(Buffer.alloc(0));
      return;
    }
    // Its client went before anyone listened, and nothing more is told of it.
    if (stream.destroyed) {
      reject(badRequest(brokenOff));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else {
        stream.pause();
        stop();
        reject(tooLarge(tooLargeMessage(bytesMax)));
      }
    };
    const onEnd = () => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    };
    const onBroken = () => {
      stop();
      reject(badRequest(brokenOff));
    };
    const stop = () => stream.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
    stream.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
  });
}

/** Resolves when all that was written to the stream has left, or the stream is closed. */
export function leaving(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    stream.once("finish", resolve).once("close", resolve);
  });
}

/** Writes a body to a stream, telling its caller to wait when the client is slow. */
export class StreamWriter implements BodyWriter {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(chunk: string | Uint8Array): Promise<void> | undefined {
    if (this.#stream.destroyed) return Promise.reject(new Error("the client is gone"));
    if (this.#stream.write(chunk)) return undefined;
    return new Promise((resolve, reject) => {
      const onDrain = () => {
        this.#stream.off("close", onClose);
        resolve();
      };
      const onClose = () => {
        this.#stream.off("drain", onDrain);
        reject(new Error("the client is gone"));
      };
      this.#stream.once("drain", onDrain);
      this.#stream.once("close", onClose);
    });
  }

  end(): void {
    this.#stream.end();
  }

  abort(): void {
    this.#stream.destroy();
  }
}
