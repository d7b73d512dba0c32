import type { KubeObject } from "../api/index.ts";
import { formatJson, parseJson } from "../lib/index.ts";
import { BytePool } from "./byte-pool.ts";
import type { Value } from "./storage.ts";

const pool = new BytePool();
const decoder = new TextDecoder();

class LazyValue implements Value {
  #object: KubeObject | undefined;
  #bytes: Uint8Array | undefined;

  constructor(object: KubeObject | undefined, bytes: Uint8Array | undefined) {
    this.#object = object;
    this.#bytes = bytes;
  }

  get object(): KubeObject {
    // What was stored went through the API's validation, so its shape is known.
    this.#object ??= parseJson(decoder.decode(this.#bytes)) as KubeObject;
    return this.#object;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= pool.encode(formatJson(this.#object));
    return this.#bytes;
  }

  get isEncoded(): boolean {
    return this.#bytes !== undefined;
  }
}

/** The value of an object, which nobody changes from here on; it is encoded when someone needs the bytes. */
export function valueFromObject(object: KubeObject): Value {
  return new LazyValue(object, undefined);
}

/** The value of JSON bytes; they are parsed when someone needs the object. */
export function valueFromBytes(bytes: Uint8Array): Value {
  return new LazyValue(undefined, bytes);
}
