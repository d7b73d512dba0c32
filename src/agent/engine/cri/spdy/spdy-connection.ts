import type { Duplex } from "node:stream";
import { dataBytesMax, dataFrame, type Frame, FrameReader, pingFrame, resetFrame, StreamOpener } from "./frames.ts";

/** What may lie unread in one stream before the connection stops reading. */
const unreadBytesMax = 256 * 1024;
/** The status of a reset by the side that wants no more (SPDY/3.1, 2.6.3). */
const statusCancel = 5;

/** One stream of a connection. Closing `writable` is the half-close: what comes from the peer goes on. */
export interface SpdyStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

interface Stream {
  readonly id: number;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  ended: boolean;
}

/**
 * The client's side of a SPDY/3.1 connection over a byte stream. The peers it is for (the streaming servers of container
 * runtimes) know no flow control of single streams: a stream that nobody reads stops the whole connection, so every
 * readable must be read or cancelled.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #opener = new StreamOpener();
  readonly #streams = new Map<number, Stream>();
  readonly #full = new Set<number>();
  readonly closed: Promise<Error | undefined>;
  #nextStreamId = 1;
  #error: Error | undefined;

  /** `head` are bytes that came with the answer to the upgrade. */
  constructor(socket: Duplex, head: Uint8Array) {
    this.#socket = socket;
    const reader = new FrameReader();
    const read = (chunk: Uint8Array) => {
      try {
        for (const frame of reader.push(chunk)) this.#take(frame);
      } catch (error) {
        // The reader only throws Errors.
        this.close(error as Error);
      }
    };
    this.closed = new Promise((resolve) => {
      socket.on("error", (error) => {
        this.#error ??= error;
      });
      socket.once("close", () => {
        for (const stream of this.#streams.values()) this.#end(stream, this.#error);
        resolve(this.#error);
      });
    });
    // Read with what follows, when the streams are there that are opened at once.
    if (head.length > 0) socket.unshift(head);
    socket.on("data", read);
    socket.once("end", () => this.close());
  }

  open(headers: Readonly<Record<string, string>>): SpdyStream {
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    this.#socket.write(this.#opener.open(id, headers));
    const readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#streams.set(id, { id, controller, ended: false });
        },
        pull: () => this.#setFull(id, false),
        cancel: () => {
          this.#streams.delete(id);
          this.#setFull(id, false);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: unreadBytesMax }),
    );
    const writable = new WritableStream<Uint8Array>({
      write: (chunk) => this.#write(id, chunk),
      close: () => this.#send(dataFrame(id, new Uint8Array(), true)),
      abort: () => this.#send([resetFrame(id, statusCancel)]),
    });
    return { readable, writable };
  }

  /** Ends everything; with an error, readers get that. */
  close(error?: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  #take(frame: Frame): void {
    if (frame.type === "ping") {
      // Even numbers are the peer's own pings, which it wants back.
      if (frame.id % 2 === 0) this.#socket.write(pingFrame(frame.id));
      return;
    }
    if (frame.type !== "data" && frame.type !== "reset" && frame.type !== "reply") return;
    const stream = this.#streams.get(frame.streamId);
    if (!stream) return;
    if (frame.type === "data" && frame.data.length > 0 && !stream.ended) {
      // The bytes lie in the socket's buffer, which is not used again: no copy is needed.
      stream.controller.enqueue(frame.data);
      if ((stream.controller.desiredSize ?? 0) <= 0) this.#setFull(frame.streamId, true);
    }
    if (frame.type === "reset") {
      // A peer that is done cancels what is still open; everything else is a refusal.
      const refused = frame.status !== statusCancel;
      this.#end(stream, refused ? new Error(`the stream was refused (SPDY status ${frame.status})`) : undefined);
    } else if (frame.last) this.#end(stream, undefined);
  }

  #end(stream: Stream, error: Error | undefined): void {
    if (stream.ended) return;
    stream.ended = true;
    // Nobody is asked to pull from a stream that has ended, and no more will come of it.
    this.#setFull(stream.id, false);
    if (error) stream.controller.error(error);
    else stream.controller.close();
  }

  async #write(streamId: number, chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += dataBytesMax)
      await this.#send(dataFrame(streamId, chunk.subarray(at, at + dataBytesMax), false));
  }

  /** Resolves when the socket has room again. */
  #send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#socket.destroyed) throw this.#error ?? new Error("the connection is closed");
    let room = true;
    for (const part of parts) room = this.#socket.write(part);
    if (room) return undefined;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#socket.off("drain", settle);
        this.#socket.off("close", settle);
        if (this.#socket.destroyed) reject(this.#error ?? new Error("the connection is closed"));
        else resolve();
      };
      this.#socket.on("drain", settle);
      this.#socket.on("close", settle);
    });
  }

  #setFull(streamId: number, full: boolean): void {
    if (full) this.#full.add(streamId);
    else this.#full.delete(streamId);
    if (this.#full.size > 0) this.#socket.pause();
    else this.#socket.resume();
  }
}
