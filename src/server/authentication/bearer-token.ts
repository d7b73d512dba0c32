import type { Credentials } from "./authenticator.ts";

/** The bearer token of a request: from the Authorization header (RFC 6750), or as it came otherwise. */
export function bearerToken({ authorization, token }: Credentials): string | undefined {
  if (authorization !== undefined) {
    const [scheme = "", value = ""] = authorization.trim().split(" ", 3);
    return scheme.toLowerCase() === "bearer" && value !== "" ? value : undefined;
  }
  return token === undefined || token === "" ? undefined : token;
}
