// Answers made of messages that are there already: only what stands before each of them is written anew.
import { encodeProtobufMessage, joinBytes, type Kinded, protobufHead } from "./encode-protobuf.ts";
import { headBytes, tagOf, varintLength, WireWriter } from "./wire-writer.ts";

/** What stands before the items of a list, each with its own head, which take `itemsLength` bytes together. */
export function protobufListHead(list: Kinded & { readonly metadata: object }, itemsLength: number): Uint8Array {
  // The metadata of every list is its first field, the items are its second: as in the list that has no kind.
  const listOfNone = { ...metadataList, metadata: list.metadata };
  const own = encodeProtobufMessage(listOfNone)!;
  return joinBytes(protobufHead(list, own.length + itemsLength), own);
}

const metadataList = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadataList" };

/** What stands before the message of an item in its list. */
export function protobufItemHead(length: number): Uint8Array {
  const writer = new WireWriter(headBytes);
  writer.tag(itemsTag);
  writer.integer(length);
  return writer.finish();
}

/**
 * What stands before an object's body of `length` bytes in a watch: the length of the frame in four bytes, the greatest
 * first, and the fields of a WatchEvent, whose object is a RawExtension.
 */
export function protobufEventHead(type: string, length: number): Uint8Array {
  const writer = new WireWriter(headBytes);
  writer.tag(tagOf(1, 2));
  writer.string(type);
  writer.tag(tagOf(2, 2));
  writer.integer(1 + varintLength(length) + length);
  writer.tag(tagOf(1, 2));
  writer.integer(length);
  const fields = writer.finish();
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, fields.length + length);
  return joinBytes(size, fields);
}

const itemsTag = tagOf(2, 2);
