import type { KubeObject } from "../api/index.ts";
import { deepFreeze, formatJson, parseJson } from "../lib/index.ts";
import { BytePool } from "./byte-pool.ts";
import type { Encoded, RecentBytes } from "./recent-bytes.ts";
import type { Entry, Revision, Value } from "./storage.ts";
import { valueFromBytes, valueFromObject } from "./value.ts";
import type { StoredObject } from "./watch-cache.ts";

const pool = new BytePool();
const decoder = new TextDecoder();

/** What stands before the brace at which stored JSON is cut to put the revision in. */
const metadataKey = new TextEncoder().encode('"metadata":');
/** What the objects of one cache share. */
export interface CachedObjectOptions {
  readonly freeze: boolean;
  readonly recentBytes: RecentBytes;
}

/** One version of an object; its object and its bytes are each made when first asked for, from what is there. */
export class CachedObject implements StoredObject, Encoded {
  readonly key: string;
  readonly createRevision: Revision;
  readonly revision: Revision;
  readonly #options: CachedObjectOptions;
  #value: Value | undefined;
  #object: KubeObject | undefined;
  #bytes: Uint8Array | undefined;
  notedAt: number | undefined;

  constructor(key: string, createRevision: Revision, revision: Revision, value: Value, options: CachedObjectOptions) {
    this.key = key;
    this.createRevision = createRevision;
    this.revision = revision;
    this.#value = value;
    this.#options = options;
    if (value.isEncoded) options.recentBytes.note(this, value.bytes.length);
  }

  static of(entry: Entry, options: CachedObjectOptions): CachedObject {
    return new CachedObject(entry.key, entry.createRevision, entry.modRevision, entry.value, options);
  }

  get object(): KubeObject {
    if (this.#object === undefined) {
      const object = this.#bytes
        ? (parseJson(decoder.decode(this.#bytes)) as KubeObject) // our own encoding of a stored object
        : withResourceVersion(this.#value!.object, this.revision);
      this.#object = this.#options.freeze ? deepFreeze(object) : object;
      // The stored bytes are worth keeping: `bytes` is cheaper from them than from the object.
      const encoded = this.#bytes ?? (this.#value!.isEncoded ? this.#value!.bytes : undefined);
      if (encoded === undefined) this.#value = undefined;
      else this.#options.recentBytes.note(this, encoded.length);
    }
    return this.#object;
  }

  get bytes(): Uint8Array {
    if (this.#bytes !== undefined) return this.#bytes;
    const bytes = this.#value?.isEncoded
      ? bytesWithResourceVersion(this.#value, this.revision)
      : pool.encode(formatJson(this.object));
    this.#bytes = bytes;
    this.#value = undefined;
    this.#options.recentBytes.note(this, bytes.length);
    return bytes;
  }

  /** Keeps the object alone; the bytes where nobody has asked for the object yet. */
  forgetBytes(): void {
    if (this.#object !== undefined) {
      this.#bytes = undefined;
      this.#value = undefined;
    } else if (this.#bytes) this.#bytes = alone(this.#bytes);
    else if (this.#value?.isEncoded) this.#value = valueFromBytes(alone(this.#value.bytes));
  }

  /**
   * A newer version is there, or the object is gone: whoever still asks for the JSON of this one has it encoded again. Kept
   * on, that of an object which is written all the time would die in V8's old generation and have it collected more often.
   */
  outdate(): void {
    if (this.#object !== undefined) this.#options.recentBytes.forget(this);
  }

  /** This state under the revision at which it was deleted. */
  deletedAt(revision: Revision): CachedObject {
    return new CachedObject(this.key, this.createRevision, revision, valueFromObject(this.object), this.#options);
  }
}

/** Bytes that keep no larger memory than their own. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** The object as it is at the revision. */
export function withResourceVersion(object: KubeObject, revision: Revision): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Puts the revision into the stored JSON instead of encoding the object again: a copy costs a tenth of that. */
function bytesWithResourceVersion(value: Value, revision: Revision): Uint8Array {
  const stored = value.bytes;
  const at = metadataStart(stored);
  // An empty metadata would need no comma; names are required, so it does not happen among stored objects.
  if (at === undefined || stored[at] !== quote) {
    return pool.encode(formatJson(withResourceVersion(value.object, revision)));
  }
  const insert = `"resourceVersion":"${revision}",`;
  const bytes = pool.take(stored.length + insert.length);
  bytes.set(stored);
  bytes.copyWithin(at + insert.length, at, stored.length);
  // Digits and quotes are one byte each.
  for (let index = 0; index < insert.length; index++) bytes[at + index] = insert.charCodeAt(index);
  return bytes;
}

/**
 * Where the fields of the metadata begin, when it is the first object in the object, as in all that Roder stores. A text
 * before it cannot look like it: there its quotes would have backslashes.
 */
function metadataStart(json: Uint8Array): number | undefined {
  const brace = json.indexOf(openBrace, 1);
  const key = brace - metadataKey.length;
  if (key < 1 || (json[key - 1] !== comma && json[key - 1] !== openBrace)) return undefined;
  for (let at = 0; at < metadataKey.length; at++) if (json[key + at] !== metadataKey[at]) return undefined;
  return brace + 1;
}

const quote = 0x22;
const comma = 0x2c;
const openBrace = 0x7b;
