// Reads public keys (RFC 5280 section 4.1.2.7) as Go's crypto/x509 does, in its words, for WebCrypto to verify with.
import { type DerElement, derElementAt, derElements, derHexadecimal, MalformedDer } from "../../lib/index.ts";

export type KeyAlgorithm = "RSA" | "ECDSA" | "Ed25519";

/** A SubjectPublicKeyInfo. */
export interface PublicKey {
  readonly der: Uint8Array<ArrayBuffer>;
  /** Undefined for those that Go does not know. */
  readonly algorithm: KeyAlgorithm | undefined;
  /** WebCrypto's name of an ECDSA key's curve, or P-224, which it does not know. */
  readonly curve: string | undefined;
  /** What the algorithm makes a key of. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** The size of an RSA key's modulus. */
  readonly modulusBits?: number;
}

const algorithms: Readonly<Record<string, KeyAlgorithm>> = {
  "2a864886f70d010101": "RSA",
  "2a8648ce3d0201": "ECDSA",
  "2b6570": "Ed25519",
};
const curves: Readonly<Record<string, string>> = {
  "2b81040021": "P-224",
  "2a8648ce3d030107": "P-256",
  "2b81040022": "P-384",
  "2b81040023": "P-521",
};
const ed25519KeyBytes = 32;
const nullTag = 0x05;
const objectIdentifierTag = 0x06;
const integerTag = 0x02;

/** The key that well-formed bytes describe; a sentence where it is none. */
export function readPublicKey(der: Uint8Array<ArrayBuffer>): PublicKey | string {
  const whole = derElementAt(der, 0, der.length);
  const [identifier, bits] = derElements(der, whole);
  if (!identifier || !bits) return "x509: malformed spki";
  const [oid, parameters] = derElements(der, identifier);
  const algorithm = oid && algorithms[derHexadecimal(der, oid)];
  // The first byte of a bit string counts the unused bits; a key has none.
  const key = der.subarray(bits.start + 1, bits.end);
  switch (algorithm) {
    case "RSA":
      return wrongRsaKey(parameters, key) ?? { der, algorithm, curve: undefined, key, modulusBits: modulusBits(key) };
    case "ECDSA": {
      if (parameters?.tag !== objectIdentifierTag) return "x509: invalid ECDSA parameters";
      const curve = curves[derHexadecimal(der, parameters)];
      return curve ? { der, algorithm, curve, key } : "x509: unsupported elliptic curve";
    }
    case "Ed25519":
      if (parameters) return "x509: Ed25519 key encoded with illegal parameters";
      if (key.length !== ed25519KeyBytes) return "x509: wrong Ed25519 public key size";
      return { der, algorithm, curve: undefined, key };
    default:
      return { der, algorithm: undefined, curve: undefined, key };
  }
}

function wrongRsaKey(parameters: DerElement | undefined, key: Uint8Array): string | undefined {
  if (parameters?.tag !== nullTag || parameters.start !== parameters.end)
    return "x509: RSA key missing NULL parameters";
  const numbers = partsOf(key);
  if (!numbers) return "x509: invalid RSA public key";
  const [modulus, exponent] = numbers;
  if (modulus?.tag !== integerTag) return "x509: invalid RSA modulus";
  if (exponent?.tag !== integerTag) return "x509: invalid RSA public exponent";
  if (!isPositive(key, modulus)) return "x509: RSA modulus is not a positive number";
  if (!isPositive(key, exponent)) return "x509: RSA public exponent is not a positive number";
  return undefined;
}

/** Of a well-formed key. */
function modulusBits(key: Uint8Array): number {
  const { start, end } = partsOf(key)![0]!;
  const first = key.subarray(start, end).findIndex((byte) => byte !== 0) + start;
  return (end - first) * 8 - (Math.clz32(key[first]!) - 24);
}

function partsOf(sequence: Uint8Array): DerElement[] | undefined {
  try {
    return derElements(sequence, derElementAt(sequence, 0, sequence.length));
  } catch (error) {
    // The caller says of what the bytes are none.
    if (error instanceof MalformedDer) return undefined;
    throw error;
  }
}

function isPositive(bytes: Uint8Array, { start, end }: DerElement): boolean {
  return bytes[start]! < 0x80 && bytes.subarray(start, end).some((byte) => byte !== 0);
}
