import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import type { StoredObject } from "../../storage/index.ts";

const deflate = promisify(deflateRaw);
const comma = Buffer.from(",");
const end = Buffer.from("]}\n");

/** Made once for each array of the cache, which never changes. */
const shared = new WeakMap<readonly StoredObject[], ListBody>();
/** Larger ones are made anew each time: they would hold much memory for lists that few ask for. */
const sharedBytesMax = 8 * 1024 * 1024;

/**
 * What follows the head of a list: its items, to the end of the document. The head names the revision at which the list
 * was read, which grows with every write anywhere; the items stay what they are, and are joined and compressed once.
 */
export class ListBody {
  readonly bytes: Uint8Array;
  #deflated: Promise<Uint8Array> | undefined;
  #last: { readonly head: string; readonly gzip: readonly Uint8Array[] } | undefined;

  private constructor(items: readonly StoredObject[]) {
    const parts: Uint8Array[] = [];
    for (const [index, item] of items.entries()) {
      if (index > 0) parts.push(comma);
      parts.push(item.bytes);
    }
    parts.push(end);
    this.bytes = Buffer.concat(parts);
  }

  /** `isShared`: the items are the cache's own array. */
  static of(items: readonly StoredObject[], isShared: boolean): ListBody {
    const known = isShared ? shared.get(items) : undefined;
    if (known) return known;
    const body = new ListBody(items);
    if (isShared && body.bytes.length <= sharedBytesMax) shared.set(items, body);
    return body;
  }

  /**
   * Head and items as one gzip member (RFC 1952): the head in a block that is only stored (RFC 1951 section 3.2.4),
   * which ends at a byte, and after it the blocks of the items.
   */
  async gzip(head: string): Promise<readonly Uint8Array[]> {
    if (this.#last?.head === head) return this.#last.gzip;
    this.#deflated ??= deflate(this.bytes, { level: constants.Z_BEST_SPEED });
    const headBytes = Buffer.from(head);
    const gzip = [gzipHeader, storedBlock(headBytes), await this.#deflated, trailer(headBytes, this.bytes)];
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
