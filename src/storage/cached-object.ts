import type { KubeObject } from "../api/index.ts";
import { deepFreeze } from "../lib/index.ts";
import type { Entry, Revision, Value } from "./storage.ts";
import { valueFromObject } from "./value.ts";
import type { StoredObject } from "./watch-cache.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where stored JSON is cut to put the revision in; every kind's first fields are apiVersion and kind, if it has them. */
const metadataStart = /^\{(?:"(?:apiVersion|kind)":"[\w./-]*",)*"metadata":\{/;
/** More than `metadataStart` ever matches in an object of the API: group, version and kind are at most 63 to 253 long. */
const headLength = 1024;

/** One version of an object; its object and its bytes are each made when first asked for, from what is there. */
export class CachedObject implements StoredObject {
  readonly key: string;
  readonly createRevision: Revision;
  readonly revision: Revision;
  readonly #freeze: boolean;
  #value: Value | undefined;
  #object: KubeObject | undefined;
  #bytes: Uint8Array | undefined;

  constructor(key: string, createRevision: Revision, revision: Revision, value: Value, freeze: boolean) {
    this.key = key;
    this.createRevision = createRevision;
    this.revision = revision;
    this.#value = value;
    this.#freeze = freeze;
  }

  static of(entry: Entry, freeze: boolean): CachedObject {
    return new CachedObject(entry.key, entry.createRevision, entry.modRevision, entry.value, freeze);
  }

  get object(): KubeObject {
    if (this.#object === undefined) {
      const object = this.#bytes
        ? (JSON.parse(decoder.decode(this.#bytes)) as KubeObject) // our own encoding of a stored object
        : withResourceVersion(this.#value!.object, this.revision);
      this.#object = this.#freeze ? deepFreeze(object) : object;
      // The stored bytes are worth keeping: `bytes` is cheaper from them than from the object.
      if (this.#bytes || !this.#value!.isEncoded) this.#value = undefined;
    }
    return this.#object;
  }

  get bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      this.#bytes = this.#value?.isEncoded
        ? bytesWithResourceVersion(this.#value, this.revision)
        : encoder.encode(JSON.stringify(this.object));
      this.#value = undefined;
    }
    return this.#bytes;
  }

  /** This state under the revision at which it was deleted. */
  deletedAt(revision: Revision): CachedObject {
    return new CachedObject(this.key, this.createRevision, revision, valueFromObject(this.object), this.#freeze);
  }
}

function withResourceVersion(object: KubeObject, revision: Revision): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Puts the revision into the stored JSON instead of encoding the object again: a copy costs a tenth of that. */
function bytesWithResourceVersion(value: Value, revision: Revision): Uint8Array {
  const stored = value.bytes;
  const head = decoder.decode(stored.subarray(0, headLength));
  const at = metadataStart.exec(head)?.[0].length;
  // An empty metadata would need no comma; names are required, so it does not happen among stored objects.
  if (at === undefined || stored[at] !== quote) {
    return encoder.encode(JSON.stringify(withResourceVersion(value.object, revision)));
  }
  const insert = encoder.encode(`"resourceVersion":"${revision}",`);
  const bytes = new Uint8Array(stored.length + insert.length);
  bytes.set(stored.subarray(0, at));
  bytes.set(insert, at);
  bytes.set(stored.subarray(at), at + insert.length);
  return bytes;
}

const quote = 0x22;
