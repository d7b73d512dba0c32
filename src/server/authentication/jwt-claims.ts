import type { TrustedIssuer } from "./authentication-configuration.ts";

export type Claims = Readonly<Record<string, unknown>>;

const notBeforeLeewaySeconds = 300;

/** The claims as the token has them; nobody has verified it. */
export function readClaims(token: string): Claims | undefined {
  const [, payload, signature, rest] = token.split(".");
  if (payload === undefined || signature === undefined || rest !== undefined) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.fromBase64(payload, { alphabet: "base64url" }),
    );
    const claims: unknown = JSON.parse(text);
    return typeof claims === "object" && claims !== null ? (claims as Claims) : undefined;
  } catch (error) {
    // Neither base64, UTF-8 nor JSON: it is no JSON Web Token.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Whether the token is for one of the audiences and neither over nor too early. */
export function isCurrent({ aud, exp, nbf }: Claims, { audiences }: TrustedIssuer, nowSeconds: number): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => named.includes(audience))) return false;
  if (typeof exp !== "number" || nowSeconds > exp) return false;
  return typeof nbf !== "number" || nowSeconds + notBeforeLeewaySeconds >= nbf;
}
