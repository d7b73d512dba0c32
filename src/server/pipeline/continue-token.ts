import { type ApiError, badRequest } from "../../api/index.ts";
import type { Revision } from "../../storage/index.ts";

/** Where the next page of a list starts. Clients hand it back as they got it. */
export interface ContinueToken {
  /** The state that the pages show; undefined: the present one, which makes the whole list inconsistent. */
  readonly revision: Revision | undefined;
  /** The key after which the page starts, without the resource's prefix. */
  readonly after: string;
  /** How many objects the whole collection had then. */
  readonly count?: number;
}

const apiVersion = "meta.k8s.io/v1";

export function formatContinueToken({ revision, after, count }: ContinueToken): string {
  const json = JSON.stringify({ v: apiVersion, rv: revision ?? -1, start: after, count });
  return new TextEncoder().encode(json).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws 400 for what no server wrote; as DecodeContinue of apiserver/pkg/storage. */
export function parseContinueToken(text: string): ContinueToken {
  const { v, rv, start, count } = read(text);
  if (v !== apiVersion) throw invalidToken(`: server does not recognize this encoded version ${v ?? ""}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0)
    throw invalidToken(`: incorrect encoded start resourceVersion (version ${apiVersion})`);
  if (typeof start !== "string" || start === "")
    throw invalidToken(`: encoded start key empty (version ${apiVersion})`);
  // A key that climbs out of its resource's prefix is none.
  if (start.split("/").some((each) => each === "" || each === "." || each === "..")) throw invalidToken(`: ${start}`);
  return {
    revision: rv < 0 ? undefined : rv,
    after: start,
    ...(typeof count === "number" ? { count } : {}),
  };
}

function read(text: string): Readonly<Record<string, unknown>> {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const token: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof token === "object" && token !== null) return token as Readonly<Record<string, unknown>>; // just checked
  } catch (error) {
    // Neither base64 nor JSON: told below like every other wrong token.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalidToken("");
}

function invalidToken(why: string): ApiError {
  return badRequest(`invalid continue token: continue key is not valid${why}`);
}
