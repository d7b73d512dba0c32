// The frames of SPDY/3.1 (the draft of that name) as far as a client needs them that opens streams and reads no headers.

export type Frame =
  | { readonly type: "data"; readonly streamId: number; readonly last: boolean; readonly data: Uint8Array }
  | { readonly type: "reply"; readonly streamId: number; readonly last: boolean }
  | { readonly type: "reset"; readonly streamId: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goAway" }
  /** Settings, headers and window updates: nothing here depends on them. */
  | { readonly type: "other" };

const version = 3;
const controlBit = 0x8000;
const headSize = 8;
const flagLast = 1;

const synStream = 1;
const synReply = 2;
const rstStream = 3;
const ping = 6;
const goAway = 7;

/** The length of a frame is written in three bytes; smaller frames keep a large write from delaying other streams. */
export const dataBytesMax = 64 * 1024;

export function dataFrame(streamId: number, data: Uint8Array, last: boolean): Uint8Array[] {
  const head = new DataView(new ArrayBuffer(headSize));
  head.setUint32(0, streamId);
  head.setUint32(4, data.length);
  head.setUint8(4, last ? flagLast : 0);
  return [new Uint8Array(head.buffer), data];
}

export function resetFrame(streamId: number, status: number): Uint8Array {
  const body = new DataView(new ArrayBuffer(8));
  body.setUint32(0, streamId);
  body.setUint32(4, status);
  return controlFrame(rstStream, new Uint8Array(body.buffer));
}

export function pingFrame(id: number): Uint8Array {
  const body = new DataView(new ArrayBuffer(4));
  body.setUint32(0, id);
  return controlFrame(ping, new Uint8Array(body.buffer));
}

/** Writes the frames that open streams: their headers are one zlib stream for the whole connection. */
export class StreamOpener {
  #first = true;

  open(streamId: number, headers: Readonly<Record<string, string>>): Uint8Array {
    const block = this.#compress(headerBlock(headers));
    const body = new Uint8Array(10 + block.length);
    // The stream that this one belongs to, priority and slot stay zero.
    new DataView(body.buffer).setUint32(0, streamId);
    body.set(block, 10);
    return controlFrame(synStream, body);
  }

  /**
   * As zlib's "stored" blocks (RFC 1951, 3.2.4): the headers here have a few bytes, and so need neither compression nor
   * SPDY's dictionary. The empty block at the end is a flush: readers give out what they have when they meet it.
   */
  #compress(block: Uint8Array): Uint8Array {
    const zlibHead = this.#first ? [0x78, 0x01] : [];
    this.#first = false;
    const length = block.length;
    const storedHead = [0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff];
    return Uint8Array.from([...zlibHead, ...storedHead, ...block, 0, 0, 0, 0xff, 0xff]);
  }
}

function headerBlock(headers: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const number = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
  const text = (value: string) => {
    const bytes = encoder.encode(value);
    return [...number(bytes.length), ...bytes];
  };
  const entries = Object.entries(headers);
  return Uint8Array.from([
    ...number(entries.length),
    ...entries.flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)]),
  ]);
}

function controlFrame(type: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headSize + body.length);
  const head = new DataView(frame.buffer);
  head.setUint16(0, controlBit | version);
  head.setUint16(2, type);
  head.setUint32(4, body.length);
  frame.set(body, headSize);
  return frame;
}

/** Makes frames of the bytes that come. Throws when they are not SPDY/3.1. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array();

  *push(chunk: Uint8Array): Generator<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : concat(this.#rest, chunk);
    for (;;) {
      if (bytes.length < headSize) break;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const isControl = (view.getUint16(0) & controlBit) !== 0;
      if (isControl && (view.getUint16(0) & ~controlBit) !== version)
        throw new Error("the peer does not speak SPDY/3.1");
      const length = view.getUint32(4) & 0xffffff;
      if (bytes.length < headSize + length) break;
      yield frameOf(view, bytes.subarray(headSize, headSize + length));
      bytes = bytes.subarray(headSize + length);
    }
    this.#rest = bytes;
  }
}

function frameOf(head: DataView, body: Uint8Array): Frame {
  const last = (head.getUint8(4) & flagLast) !== 0;
  if ((head.getUint16(0) & controlBit) === 0) return { type: "data", streamId: head.getUint32(0), last, data: body };
  const number = (at: number) => {
    if (body.length < at + 4) throw new Error("the peer sent a SPDY frame that is too short");
    return head.getUint32(headSize + at);
  };
  switch (head.getUint16(2)) {
    case synReply:
      return { type: "reply", streamId: number(0), last };
    case rstStream:
      return { type: "reset", streamId: number(0), status: number(4) };
    case ping:
      return { type: "ping", id: number(0) };
    case goAway:
      return { type: "goAway" };
    default:
      return { type: "other" };
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
