import type { TokenKeys } from "../../server/index.ts";

const header = encode(JSON.stringify({ alg: "none", kid: "stand-in" }));

/**
 * Tokens of a cluster that nobody reaches from outside its process: shaped like the others, but what stands where the
 * signature belongs proves nothing. Real signatures come from threads whose order no seed decides, and need keys that
 * take longer to make than all the rest of such a cluster.
 */
export const standInTokenKeys: TokenKeys = {
  sign: async (claims) => `${header}.${encode(JSON.stringify(claims))}.stand-in`,
  async verify(token) {
    const [first, payload = "", signature] = token.split(".");
    if (first !== header || signature !== "stand-in") return undefined;
    try {
      const claims: unknown = JSON.parse(decode(payload));
      // What was signed here were claims.
      return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
    } catch {
      // No token of this cluster: whoever asks wants to know only that.
      return undefined;
    }
  },
  publicKeys: [],
};

function encode(text: string): string {
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

function decode(text: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
}
