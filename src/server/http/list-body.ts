import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { protobufItemHead } from "../../api/index.ts";
import { append, formatJson, parseJson } from "../../lib/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { storedMessage } from "./stored-messages.ts";

const deflate = promisify(deflateRaw);
const comma = Buffer.from(",");
const brace = Buffer.from("{");
const end = Buffer.from("]}\n");

/** The encodings in which a list is put together from what its items are already. */
export type SharedEncoding = "json" | "protobuf";

/** Made once for each array of the cache, which never changes. */
const shared = {
  json: new WeakMap<readonly StoredObject[], ListBody>(),
  protobuf: new WeakMap<readonly StoredObject[], ListBody>(),
};
/** Larger ones are put together anew each time: they would hold much memory for lists that few ask for. */
const sharedBytesMax = 8 * 1024 * 1024;

/** What the items of a list are, where they do not say it themselves. */
export interface ItemType {
  readonly kind: string;
  readonly apiVersion: string;
}

type PartsOf = (items: readonly StoredObject[], type: ItemType | undefined) => readonly Uint8Array[];

const parts: Readonly<Record<SharedEncoding, PartsOf>> = {
  json: jsonItems,
  protobuf: (items) =>
    items.flatMap((item) => {
      const message = storedMessage(item);
      return [protobufItemHead(message.length), message];
    }),
};

function jsonItems(items: readonly StoredObject[], type: ItemType | undefined): Uint8Array[] {
  const heads = type && headsOf(type);
  const all: Uint8Array[] = [];
  for (const { bytes } of items) {
    if (all.length > 0) all.push(comma);
    if (heads) append(all, withoutHead(bytes, heads));
    else all.push(bytes);
  }
  all.push(end);
  return all;
}

/** How an object begins: in the one order or the other, as its client wrote it. */
function headsOf({ kind, apiVersion }: ItemType): readonly Uint8Array[] {
  const parts = [`"kind":"${kind}",`, `"apiVersion":"${apiVersion}",`];
  return [`{${parts.join("")}`, `{${parts.reverse().join("")}`].map((text) => Buffer.from(text));
}

function withoutHead(bytes: Uint8Array, heads: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const head of heads)
    if (Buffer.compare(bytes.subarray(0, head.length), head) === 0) return [brace, bytes.subarray(head.length)];
  // It is said in another place.
  return [Buffer.from(formatJson(withoutType(parseJson(Buffer.from(bytes).toString()) as object)))];
}

/** An object as an item of a list of one of Kubernetes' own kinds: kubernetes/kubernetes#3030. */
export function withoutType(object: object): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object as Partial<ItemType>; // every object may have them
  return rest;
}

/**
 * What follows the head of a list: its items, to the end of the document. The head names the revision at which the list
 * was read, which grows with every write anywhere; the items stay what they are, and are joined and compressed once.
 */
export class ListBody {
  readonly bytes: Uint8Array;
  #deflated: Promise<Uint8Array> | undefined;
  #last: { readonly head: Uint8Array; readonly gzip: readonly Uint8Array[] } | undefined;

  private constructor(items: readonly StoredObject[], encoding: SharedEncoding, type: ItemType | undefined) {
    this.bytes = Buffer.concat(parts[encoding](items, type));
  }

  /** Whether a body of these is one that many ask for, and is kept. */
  static isKept(items: readonly StoredObject[], isShared: boolean, encoding: SharedEncoding): boolean {
    if (!isShared || shared[encoding].has(items)) return isShared;
    return items.reduce((sum, { bytes }) => sum + bytes.length, 0) <= sharedBytesMax;
  }

  /** The bytes of the body in order, most of them those of the items themselves. */
  static partsOf(
    items: readonly StoredObject[],
    encoding: SharedEncoding,
    type: ItemType | undefined,
  ): readonly Uint8Array[] {
    return parts[encoding](items, type);
  }

  /** `isShared`: the items are the cache's own array. With a type they do not say theirs. */
  static of(
    items: readonly StoredObject[],
    isShared: boolean,
    encoding: SharedEncoding,
    type?: ItemType | undefined,
  ): ListBody {
    const known = isShared ? shared[encoding].get(items) : undefined;
    if (known) return known;
    const body = new ListBody(items, encoding, type);
    if (isShared && body.bytes.length <= sharedBytesMax) shared[encoding].set(items, body);
    return body;
  }

  /**
   * Head and items as one gzip member (RFC 1952): the head in a block that is only stored (RFC 1951 section 3.2.4),
   * which ends at a byte, and after it the blocks of the items.
   */
  async gzip(head: Uint8Array): Promise<readonly Uint8Array[]> {
    if (this.#last && Buffer.compare(this.#last.head, head) === 0) return this.#last.gzip;
    this.#deflated ??= deflate(this.bytes, { level: constants.Z_BEST_SPEED });
    const gzip = [gzipHeader, storedBlock(head), await this.#deflated, trailer(head, this.bytes)];
    this.#last = { head, gzip };
    return gzip;
  }
}

/** Deflate, no flags, no time, unknown system. */
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** A block that is not the last, holding up to 65,535 bytes as they are. */
function storedBlock(bytes: Uint8Array): Uint8Array {
  const block = Buffer.alloc(5 + bytes.length);
  block.writeUInt16LE(bytes.length, 1);
  block.writeUInt16LE(0xffff - bytes.length, 3);
  block.set(bytes, 5);
  return block;
}

function trailer(head: Uint8Array, items: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(crc32(items, crc32(head)), 0);
  bytes.writeUInt32LE((head.length + items.length) % 2 ** 32, 4);
  return bytes;
}
