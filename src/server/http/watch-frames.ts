import { protobufEventHead } from "../../api/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { contentTypes } from "./negotiation.ts";
import { protobufBody } from "./stored-messages.ts";
import { protobufOf } from "./writer.ts";

/** How the events of a watch follow one another. */
export interface WatchFrames {
  readonly contentType: string;
  /** An event with a stored object, whose bytes are shared by all watchers. */
  stored(type: "ADDED" | "MODIFIED" | "DELETED", stored: StoredObject): readonly Uint8Array[];
  /** An event with any other object. */
  object(type: string, object: object): readonly Uint8Array[];
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
  object: (type, object) => [Buffer.from(`${JSON.stringify({ type, object })}\n`)],
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
