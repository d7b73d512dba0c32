import { encodeProtobufMessage, protobufHead } from "../../api/index.ts";
import type { StoredObject } from "../../storage/index.ts";

/** What is kept of messages at most; their objects and their JSON are kept besides. */
const bytesMax = 64 * 1024 * 1024;

let messages = new WeakMap<StoredObject, Uint8Array>();
let bytes = 0;

/**
 * The protobuf message of a stored object, made when it is first asked for and shared by every answer after that; it goes
 * when the object does. Many clients read JSON only, so nothing is encoded before. The object's kind has a message.
 */
export function storedMessage(stored: StoredObject): Uint8Array {
  const known = messages.get(stored);
  if (known) return known;
  const message = encodeProtobufMessage(stored.object);
  if (!message) throw new Error(`${stored.object.kind} was negotiated as protobuf and has no message`);
  bytes += message.length;
  if (bytes > bytesMax) {
    // Those of objects that are gone were counted too; beginning anew costs each object that lives one encoding.
    messages = new WeakMap();
    bytes = message.length;
  }
  messages.set(stored, message);
  return message;
}

/** The body of a stored object: what stands before its message, and that. */
export function protobufBody(stored: StoredObject): readonly [head: Uint8Array, message: Uint8Array] {
  const message = storedMessage(stored);
  return [protobufHead(stored.object, message.length), message];
}
