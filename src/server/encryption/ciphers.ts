// The ciphers of Kubernetes' encryption at rest, in the same form on the disk (k8s.io/apiserver/pkg/storage/value).
import type { ValueCipher } from "../../storage/index.ts";

/** One way to keep a value: a key of a cipher, or nothing at all. */
export interface Provider {
  /** What its values begin with; empty: everything that is not encrypted. */
  readonly prefix: string;
  seal(key: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** Of what follows the prefix. */
  open(key: string, bytes: Uint8Array): Promise<Uint8Array>;
}

const encoder = new TextEncoder();
const allPrefixes = "k8s:enc:";
const nonceBytes = 12;
const blockBytes = 16;

/**
 * AES in Galois/Counter mode with a random nonce; the key in the store is authenticated with the value, so that nobody can
 * move one secret into the place of another. A key is good for 2^32 writes (NIST SP 800-38D, section 8.3).
 */
export async function aesGcm(name: string, secret: Uint8Array<ArrayBuffer>): Promise<Provider> {
  const cryptoKey = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
  const algorithm = (key: string, iv: Uint8Array<ArrayBuffer>) => ({
    name: "AES-GCM",
    iv,
    additionalData: encoder.encode(key),
  });
  return {
    prefix: `${allPrefixes}aesgcm:v1:${name}:`,
    async seal(key, bytes) {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
      return joined(nonce, await crypto.subtle.encrypt(algorithm(key, nonce), cryptoKey, new Uint8Array(bytes)));
    },
    async open(key, bytes) {
      const nonce = bytes.slice(0, nonceBytes);
      return new Uint8Array(await crypto.subtle.decrypt(algorithm(key, nonce), cryptoKey, bytes.slice(nonceBytes)));
    },
  };
}

/** AES in cipher block chaining mode with PKCS #7 padding: nothing is authenticated. For data that is kept so already. */
export async function aesCbc(name: string, secret: Uint8Array<ArrayBuffer>): Promise<Provider> {
  const cryptoKey = await crypto.subtle.importKey("raw", secret, "AES-CBC", false, ["encrypt", "decrypt"]);
  return {
    prefix: `${allPrefixes}aescbc:v1:${name}:`,
    async seal(_, bytes) {
      const iv = crypto.getRandomValues(new Uint8Array(blockBytes));
      return joined(iv, await crypto.subtle.encrypt({ name: "AES-CBC", iv }, cryptoKey, new Uint8Array(bytes)));
    },
    async open(_, bytes) {
      const iv = bytes.slice(0, blockBytes);
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, cryptoKey, bytes.slice(blockBytes)));
    },
  };
}

/** Keeps values as they are. */
export const identity: Provider = {
  prefix: "",
  seal: async (_, bytes) => bytes,
  open: async (_, bytes) => bytes,
};

/** Writes with the first provider and reads with whichever one wrote. */
export function cipherOf(providers: readonly [Provider, ...Provider[]]): ValueCipher {
  const [first] = providers;
  return {
    async seal(key, bytes) {
      const sealed = await first.seal(key, bytes);
      return first.prefix === "" ? sealed : joined(encoder.encode(first.prefix), sealed);
    },
    async open(key, bytes) {
      let why = "no provider of the encryption configuration has its prefix";
      for (const provider of providers) {
        if (!startsWith(bytes, provider.prefix)) continue;
        if (provider.prefix === "" && startsWith(bytes, allPrefixes)) continue;
        try {
          const plain = await provider.open(key, new Uint8Array(bytes.subarray(provider.prefix.length)));
          return { bytes: plain, isStale: provider !== first };
        } catch {
          // WebCrypto does not say more, and two keys may have one name: the next may fit.
          why = "it was changed or moved, or the key is another one";
        }
      }
      throw new Error(`cannot decrypt ${key}: ${why}`);
    },
  };
}

function startsWith(bytes: Uint8Array, prefix: string): boolean {
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix.charCodeAt(at)) return false;
  return true;
}

function joined(head: Uint8Array, tail: Uint8Array | ArrayBuffer): Uint8Array {
  const end = new Uint8Array(tail);
  const all = new Uint8Array(head.length + end.length);
  all.set(head);
  all.set(end, head.length);
  return all;
}
