// Whether a request for a certificate is signed with its own key: CheckSignature of Go's crypto/x509, in its words.
import { derElementAt, derElements, derHexadecimal, expectDer, MalformedDer } from "../../lib/index.ts";
import { isSignedByP224, readP224Point } from "./p224.ts";
import type { KeyAlgorithm, PublicKey } from "./public-key.ts";

interface SignatureAlgorithm {
  readonly key: KeyAlgorithm;
  /** WebCrypto's name of the hash; undefined where the algorithm has its own. */
  readonly hash?: string;
  readonly name?: "RSA-PSS";
}

/** By their object identifiers: RFC 8017, 5758, 8410. */
const algorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  "2a864886f70d010105": { key: "RSA", hash: "SHA-1" },
  "2b0e03021d": { key: "RSA", hash: "SHA-1" },
  "2a864886f70d01010b": { key: "RSA", hash: "SHA-256" },
  "2a864886f70d01010c": { key: "RSA", hash: "SHA-384" },
  "2a864886f70d01010d": { key: "RSA", hash: "SHA-512" },
  "2a8648ce3d0401": { key: "ECDSA", hash: "SHA-1" },
  "2a8648ce3d040302": { key: "ECDSA", hash: "SHA-256" },
  "2a8648ce3d040303": { key: "ECDSA", hash: "SHA-384" },
  "2a8648ce3d040304": { key: "ECDSA", hash: "SHA-512" },
  "2b6570": { key: "Ed25519" },
};
const md5WithRsa = "2a864886f70d010104";
const pss = "2a864886f70d01010a";
/** The hashes that parameters of RSASSA-PSS name. */
const pssHashes: Readonly<Record<string, string>> = {
  "608648016503040201": "SHA-256",
  "608648016503040202": "SHA-384",
  "608648016503040203": "SHA-512",
};
const goTypes: Readonly<Record<KeyAlgorithm, string>> = {
  RSA: "*rsa.PublicKey",
  ECDSA: "*ecdsa.PublicKey",
  Ed25519: "ed25519.PublicKey",
};
const failures: Readonly<Record<KeyAlgorithm, string>> = {
  RSA: "crypto/rsa: verification error",
  ECDSA: "x509: ECDSA verification failure",
  Ed25519: "x509: Ed25519 verification failure",
};
const pointBytes: Readonly<Record<string, number>> = { "P-224": 28, "P-256": 32, "P-384": 48, "P-521": 66 };

/** https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size */
const modulusBitsMin = 1024;

export interface Signed {
  readonly content: Uint8Array<ArrayBuffer>;
  /** An AlgorithmIdentifier, DER. */
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Says what is wrong with the signature; undefined when the key made it. */
export async function whatIsWrongWithSignature(
  { content, algorithm: identifier, signature }: Signed,
  key: PublicKey,
): Promise<string | undefined> {
  const [oid] = derElements(identifier, derElementAt(identifier, 0, identifier.length));
  const id = oid ? derHexadecimal(identifier, oid) : "";
  if (id === md5WithRsa) return "x509: cannot verify signature: insecure algorithm MD5-RSA";
  const algorithm = id === pss ? pssAlgorithm(identifier) : algorithms[id];
  if (!algorithm || !key.algorithm) return "x509: cannot verify signature: algorithm unimplemented";
  if (algorithm.key !== key.algorithm)
    return `x509: signature algorithm specifies an ${algorithm.key} public key, but have public key of type ${goTypes[key.algorithm]}`;
  if ((key.modulusBits ?? modulusBitsMin) < modulusBitsMin)
    return `crypto/rsa: ${key.modulusBits}-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)`;
  const verify = key.curve === "P-224" ? p224Verifier(key, algorithm) : await cryptoVerifier(key, algorithm);
  if (!verify) return key.algorithm === "ECDSA" ? "x509: failed to unmarshal elliptic curve point" : failures.RSA;
  const bytes = key.algorithm === "ECDSA" ? joinedNumbers(signature, pointBytes[key.curve ?? ""] ?? 0) : signature;
  return bytes && (await verify(bytes, content)) ? undefined : failures[key.algorithm];
}

type Verify = (signature: Uint8Array<ArrayBuffer>, content: Uint8Array<ArrayBuffer>) => Promise<boolean>;

async function cryptoVerifier(key: PublicKey, algorithm: SignatureAlgorithm): Promise<Verify | undefined> {
  const cryptoKey = await importKey(key, algorithm);
  return cryptoKey && ((bytes, content) => crypto.subtle.verify(verification(algorithm), cryptoKey, bytes, content));
}

function p224Verifier({ key }: PublicKey, { hash = "" }: SignatureAlgorithm): Verify | undefined {
  const point = readP224Point(key);
  return (
    point &&
    (async (bytes, content) => isSignedByP224(point, new Uint8Array(await crypto.subtle.digest(hash, content)), bytes))
  );
}

function pssAlgorithm(identifier: Uint8Array): SignatureAlgorithm | undefined {
  const digits = derHexadecimal(identifier, { tag: 0, at: 0, start: 0, end: identifier.length });
  const hash = Object.entries(pssHashes).find(([oid]) => digits.includes(oid))?.[1];
  return hash ? { key: "RSA", hash, name: "RSA-PSS" } : undefined;
}

async function importKey({ der, algorithm, curve }: PublicKey, { hash, name }: SignatureAlgorithm) {
  const parameters = {
    RSA: { name: name ?? "RSASSA-PKCS1-v1_5", hash: hash ?? "" },
    ECDSA: { name: "ECDSA", namedCurve: curve ?? "" },
    Ed25519: { name: "Ed25519" },
  };
  try {
    return await crypto.subtle.importKey("spki", der, parameters[algorithm ?? "RSA"], false, ["verify"]);
  } catch (error) {
    // The numbers are no key: a point that is not on its curve, say.
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

function verification({ key, hash = "", name }: SignatureAlgorithm) {
  if (name) return { name, saltLength: Number(hash.slice("SHA-".length)) / 8 };
  return key === "RSA" ? { name: "RSASSA-PKCS1-v1_5" } : { name: key, hash };
}

/** Both numbers of an ECDSA signature, one after the other, as WebCrypto takes them. Undefined when it is none. */
function joinedNumbers(signature: Uint8Array, bytesEach: number): Uint8Array<ArrayBuffer> | undefined {
  const joined = new Uint8Array(2 * bytesEach);
  try {
    const parts = derElements(signature, expectDer(derElementAt(signature, 0, signature.length), 0x30));
    for (const [index, part] of [parts[0], parts[1]].entries()) {
      const { start, end } = expectDer(part, 0x02);
      const number = signature.subarray(signature[start] === 0 ? start + 1 : start, end);
      if (number.length > bytesEach) return undefined;
      joined.set(number, (index + 1) * bytesEach - number.length);
    }
    return joined;
  } catch (error) {
    // It is no signature then.
    if (error instanceof MalformedDer) return undefined;
    throw error;
  }
}
