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
  // Every byte is written below. The pool that Buffer takes small ones from spares most of the allocations.
  const record = Buffer.allocUnsafe(headerBytes + json.length);
  record.writeDoubleLE(place.createRevision, 0);
  record.writeDoubleLE(place.modRevision, 8);
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
