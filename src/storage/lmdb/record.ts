import type { Entry, Revision } from "../storage.ts";
import { valueFromBytes } from "../value.ts";

/** Where a key stands. */
export interface Place {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** A record is the two revisions as 64-bit floats, little-endian, and then the object's JSON. */
const headerBytes = 16;

export function encodeRecord(place: Place, json: Uint8Array): Uint8Array {
  const record = new Uint8Array(headerBytes + json.length);
  const header = new DataView(record.buffer);
  header.setFloat64(0, place.createRevision, true);
  header.setFloat64(8, place.modRevision, true);
  record.set(json, headerBytes);
  return record;
}

export function readPlace(record: Uint8Array): Place {
  const header = new DataView(record.buffer, record.byteOffset, headerBytes);
  return { createRevision: header.getFloat64(0, true), modRevision: header.getFloat64(8, true) };
}

/** The entry of a record; it keeps nothing of the memory that the record is in. */
export function decodeRecord(key: string, record: Uint8Array): Entry {
  const json = new Uint8Array(record.subarray(headerBytes));
  return { key, value: valueFromBytes(json), ...readPlace(record) };
}
