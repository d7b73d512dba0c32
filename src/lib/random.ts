// Randomness is given, never taken: the same seed gives the same history.

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** Bytes for names and identifiers. Only `systemRandom` gives bytes fit for secrets. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** Asking the source costs microseconds however little is asked for: names and uids share one draw. */
const poolBytes = 4096;
const pool = new Uint8Array(poolBytes);
let poolUsed = poolBytes;

/** The machine's cryptographic source (WebCrypto). No byte is given out twice, and none stays behind. */
export const systemRandom: Random = {
  next: () => new DataView(systemRandom.bytes(4).buffer).getUint32(0) / 2 ** 32,
  bytes(length) {
    if (length > poolBytes / 16) return crypto.getRandomValues(new Uint8Array(length));
    if (poolUsed + length > poolBytes) {
      crypto.getRandomValues(pool);
      poolUsed = 0;
    }
    const taken = pool.slice(poolUsed, poolUsed + length);
    pool.fill(0, poolUsed, poolUsed + length);
    poolUsed += length;
    return taken;
  },
};

/** A repeatable source (mulberry32) for tests and simulation; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const bytes = (length: number) => {
    const drawn = new Uint8Array(length);
    for (let at = 0; at < length; at++) drawn[at] = next() * 256;
    return drawn;
  };
  return { next, bytes };
}

/**
 * Another seed at each call, for names and identifiers and never for secrets: where nothing else needs WebCrypto, Node
 * takes 8 ms to load it.
 */
export function unseededRandom(): Random {
  return seededRandom(Math.random() * 2 ** 32);
}

/** Letters and digits that spell no words by chance; the alphabet of Kubernetes' generated names. */
const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A suffix for generateName and pod names: `length` characters of Kubernetes' alphabet. */
export function nameSuffix(random: Random, length = 5): string {
  let suffix = "";
  for (let i = 0; i < length; i++) suffix += nameAlphabet[Math.floor(random.next() * nameAlphabet.length)];
  return suffix;
}

const hexDigits = [..."0123456789abcdef"].map((digit) => digit.charCodeAt(0));
const uuidCodes = new Array<number>(36).fill("-".charCodeAt(0));

/**
 * A version 4 UUID (RFC 9562). It is a text in one piece, for it is about to be written as JSON: V8 writes a whole object
 * half as fast when one text in it was put together from parts.
 */
export function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  let at = 0;
  for (let index = 0; index < 16; index++) {
    const byte = bytes[index]!;
    if (index === 4 || index === 6 || index === 8 || index === 10) at++;
    uuidCodes[at++] = hexDigits[byte >> 4]!;
    uuidCodes[at++] = hexDigits[byte & 0x0f]!;
  }
  return String.fromCharCode(...uuidCodes);
}
