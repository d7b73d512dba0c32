// Verifies ECDSA signatures (FIPS 186-5 section 6.4.2) of keys on the curve P-224 (secp224r1 of SEC 2), which Go's
// crypto/x509 knows and WebCrypto does not. Nothing secret goes in here, so how long it takes tells nobody anything.

const bits = 224n;
/** The prime of the field, the coefficient `b`, the order of the base point, and that. The coefficient `a` is -3. */
const p = 2n ** 224n - 2n ** 96n + 1n;
const b = 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n;
const order = 0xffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3dn;
const base: Point = {
  x: 0xb70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21n,
  y: 0xbd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34n,
  z: 1n,
};

/** In Jacobian coordinates: x/z², y/z³; the point at infinity has z = 0. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const infinity: Point = { x: 1n, y: 1n, z: 0n };
const coordinateBytes = 28;

/** The point of an uncompressed encoding (SEC 1 section 2.3.3); undefined when it is none on the curve. */
export function readP224Point(bytes: Uint8Array): Point | undefined {
  if (bytes.length !== 1 + 2 * coordinateBytes || bytes[0] !== 4) return undefined;
  const x = numberOf(bytes.subarray(1, 1 + coordinateBytes));
  const y = numberOf(bytes.subarray(1 + coordinateBytes));
  const isOnCurve = x < p && y < p && mod(y * y - x * x * x + 3n * x - b, p) === 0n;
  return isOnCurve ? { x, y, z: 1n } : undefined;
}

/** Whether the key made the signature, which is both numbers one after the other, over what has this hash. */
export function isSignedByP224(key: Point, hash: Uint8Array, signature: Uint8Array): boolean {
  const [r, s] = [numberOf(signature.subarray(0, coordinateBytes)), numberOf(signature.subarray(coordinateBytes))];
  if (r === 0n || s === 0n || r >= order || s >= order) return false;
  // Of a longer hash the leftmost bits count.
  const tooLong = BigInt(hash.length) * 8n - bits;
  const digest = tooLong > 0n ? numberOf(hash) >> tooLong : numberOf(hash);
  const inverse = inverted(s, order);
  const { x, z } = sumOfProducts(mod(digest * inverse, order), base, mod(r * inverse, order), key);
  return z !== 0n && mod(mod(x * inverted(z * z, p), p), order) === r;
}

/** m·P + n·Q, both at once. */
function sumOfProducts(m: bigint, left: Point, n: bigint, right: Point): Point {
  const both = add(left, right);
  let sum = infinity;
  for (let bit = bits - 1n; bit >= 0n; bit--) {
    sum = double(sum);
    const [ofLeft, ofRight] = [(m >> bit) & 1n, (n >> bit) & 1n];
    if (ofLeft && ofRight) sum = add(sum, both);
    else if (ofLeft) sum = add(sum, left);
    else if (ofRight) sum = add(sum, right);
  }
  return sum;
}

// https://hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-3.html: dbl-2001-b and add-2007-bl.

function double({ x, y, z }: Point): Point {
  const delta = mod(z * z, p);
  const gamma = mod(y * y, p);
  const beta = mod(x * gamma, p);
  const alpha = mod(3n * (x - delta) * (x + delta), p);
  const doubled = mod(alpha * alpha - 8n * beta, p);
  return {
    x: doubled,
    y: mod(alpha * (4n * beta - doubled) - 8n * gamma * gamma, p),
    z: mod((y + z) * (y + z) - gamma - delta, p),
  };
}

function add(left: Point, right: Point): Point {
  if (left.z === 0n) return right;
  if (right.z === 0n) return left;
  const [zz1, zz2] = [mod(left.z * left.z, p), mod(right.z * right.z, p)];
  const [u1, u2] = [mod(left.x * zz2, p), mod(right.x * zz1, p)];
  const [s1, s2] = [mod(left.y * right.z * zz2, p), mod(right.y * left.z * zz1, p)];
  const h = mod(u2 - u1, p);
  if (h === 0n) return s1 === s2 ? double(left) : infinity;
  const i = mod(4n * h * h, p);
  const j = mod(h * i, p);
  const r = mod(2n * (s2 - s1), p);
  const v = mod(u1 * i, p);
  const x = mod(r * r - j - 2n * v, p);
  return { x, y: mod(r * (v - x) - 2n * s1 * j, p), z: mod(2n * left.z * right.z * h, p) };
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** By Euclid's algorithm; the modulus is a prime and the value no multiple of it. */
function inverted(value: bigint, modulus: bigint): bigint {
  let [low, high] = [mod(value, modulus), modulus];
  let [ofLow, ofHigh] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [ofLow, ofHigh] = [ofHigh - quotient * ofLow, ofLow];
  }
  return mod(ofLow, modulus);
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`);
}
