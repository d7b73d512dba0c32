import { badRequest } from "../../api/index.ts";
import type { Revision } from "../../storage/index.ts";

/** Where the next page of a list starts. Clients hand it back as they got it. */
export interface ContinueToken {
  /** The state that the pages show; undefined: the present one, which makes the whole list inconsistent. */
  readonly revision: Revision | undefined;
  /** The key after which the page starts, without the resource's prefix. */
  readonly after: string;
}

const apiVersion = "meta.k8s.io/v1";

export function formatContinueToken({ revision, after }: ContinueToken): string {
  const json = JSON.stringify({ v: apiVersion, rv: revision ?? -1, start: after });
  return new TextEncoder().encode(json).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws 400 for what this server did not write. */
export function parseContinueToken(text: string): ContinueToken {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const { v, rv, start } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    if (v === apiVersion && typeof rv === "number" && typeof start === "string")
      return { revision: rv < 0 ? undefined : rv, after: start };
  } catch (error) {
    // Neither base64 nor JSON: told below like every other wrong token.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest("continue key is not valid: the token was not made by this server");
}
