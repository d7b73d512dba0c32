import { protobufEventHead } from "../../api/index.ts";
import { formatJson } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { contentTypes } from "./negotiation.ts";
import { protobufBody } from "./stored-messages.ts";
import { protobufOf } from "./writer.ts";

/** How the events of a watch follow one another. */
export interface WatchFrames {
  readonly contentType: string;
  /** An event with a stored object, whose bytes are shared by all watchers. */
  stored(type: ChangeType, stored: StoredObject): readonly Uint8Array[];
  /** An event with any other object. */
  object(type: string, object: object): readonly Uint8Array[];
}

export type ChangeType = "ADDED" | "MODIFIED" | "DELETED";

/** What is kept of frames; watchers that are not far behind ask for the same ones within the same moment. */
const sharedBytesMax = 1024 * 1024;

/** The frames of the latest events in one form, made once for all watchers that have that form. */
export class SharedFrames {
  readonly #frames: Readonly<Record<ChangeType, Map<StoredObject, Uint8Array>>> = {
    ADDED: new Map(),
    MODIFIED: new Map(),
    DELETED: new Map(),
  };
  #bytes = 0;

  of(type: ChangeType, stored: StoredObject, make: () => readonly Uint8Array[]): Uint8Array {
    const known = this.#frames[type].get(stored);
    if (known) return known;
    const frame = Buffer.concat(make());
    this.#bytes += frame.length;
    if (this.#bytes > sharedBytesMax) {
      for (const frames of Object.values(this.#frames)) frames.clear();
      this.#bytes = frame.length;
    }
    this.#frames[type].set(stored, frame);
    return frame;
  }
}

const end = Buffer.from("}\n");
const starts = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

/** A line of JSON for each event. */
export const jsonFrames: WatchFrames = {
  contentType: contentTypes.json,
  stored: (type, stored) => [starts[type], stored.bytes, end],
  object: (type, object) => [Buffer.from(`${formatJson({ type, object })}\n`)],
};

/** A WatchEvent after its length in four bytes; the object in it is as it is elsewhere, with its envelope. */
export const protobufFrames: WatchFrames = {
  contentType: `${contentTypes.protobuf};stream=watch`,
  stored(type, stored) {
    const [head, message] = protobufBody(stored);
    return [protobufEventHead(type, head.length + message.length), head, message];
  },
  object(type, object) {
    const body = protobufOf(object);
    return [protobufEventHead(type, body.length), body];
  },
};

/** The same as messages, which need no length before them. */
export const protobufMessages: WatchFrames = {
  contentType: protobufFrames.contentType,
  stored: (type, stored) => withoutLength(protobufFrames.stored(type, stored)),
  object: (type, object) => withoutLength(protobufFrames.object(type, object)),
};

const lengthBytes = 4;

function withoutLength([head, ...rest]: readonly Uint8Array[]): readonly Uint8Array[] {
  return head ? [head.subarray(lengthBytes), ...rest] : rest;
}
