// The claims of service-account tokens: pkg/serviceaccount/claims.go of Kubernetes.
import type { KubeObject, ServiceAccount } from "../../api/index.ts";

export interface ObjectClaim {
  readonly name: string;
  readonly uid: string;
}

/** The claim `kubernetes.io` of bound tokens. */
export interface KubernetesClaim {
  readonly namespace: string;
  readonly serviceaccount: ObjectClaim;
  readonly pod?: ObjectClaim;
  readonly node?: ObjectClaim;
  readonly secret?: ObjectClaim;
  /** Seconds since 1970 from when on use of the token is worth a warning. */
  readonly warnafter?: number;
}

export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970, like iat and nbf. */
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly "kubernetes.io": KubernetesClaim;
}

/** The claims of tokens kept in secrets: they do not end. */
export interface LegacyClaims {
  readonly iss: typeof legacyIssuer;
  readonly sub: string;
  readonly "kubernetes.io/serviceaccount/namespace": string;
  readonly "kubernetes.io/serviceaccount/secret.name": string;
  readonly "kubernetes.io/serviceaccount/service-account.name": string;
  readonly "kubernetes.io/serviceaccount/service-account.uid": string;
}

const legacyIssuer = "kubernetes/serviceaccount";

export const serviceAccountUserName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

export function objectClaim({ metadata }: KubeObject): ObjectClaim {
  return { name: metadata.name, uid: metadata.uid };
}

export function legacyClaims({ metadata }: ServiceAccount, secretName: string): LegacyClaims {
  const { namespace = "", name, uid } = metadata;
  return {
    iss: legacyIssuer,
    sub: serviceAccountUserName(namespace, name),
    "kubernetes.io/serviceaccount/namespace": namespace,
    "kubernetes.io/serviceaccount/secret.name": secretName,
    "kubernetes.io/serviceaccount/service-account.name": name,
    "kubernetes.io/serviceaccount/service-account.uid": uid,
  };
}

/** The claims as those of a bound token, when they have its form. */
export function readTokenClaims(claims: Readonly<Record<string, unknown>>): TokenClaims | undefined {
  const { sub, aud, exp, iat, nbf, jti } = claims;
  const private_ = claims["kubernetes.io"];
  if (typeof sub !== "string" || typeof exp !== "number" || typeof nbf !== "number") return undefined;
  if (!isRecord(private_) || typeof private_.namespace !== "string") return undefined;
  if (!isObjectClaim(private_.serviceaccount)) return undefined;
  for (const each of ["pod", "node", "secret"])
    if (private_[each] !== undefined && !isObjectClaim(private_[each])) return undefined;
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((each) => typeof each === "string")) return undefined;
  return {
    iss: String(claims.iss),
    sub,
    aud: audiences,
    exp,
    nbf,
    iat: typeof iat === "number" ? iat : nbf,
    jti: typeof jti === "string" ? jti : "",
    // Every field of it was looked at above.
    "kubernetes.io": private_ as unknown as KubernetesClaim,
  };
}

/** The claims as those of a token from a secret, when they have its form. */
export function readLegacyClaims(claims: Readonly<Record<string, unknown>>): LegacyClaims | undefined {
  const prefix = "kubernetes.io/serviceaccount/";
  const names = ["namespace", "secret.name", "service-account.name", "service-account.uid"];
  const complete = names.every((name) => typeof claims[prefix + name] === "string" && claims[prefix + name] !== "");
  if (!complete || claims.iss !== legacyIssuer || typeof claims.sub !== "string") return undefined;
  return claims as unknown as LegacyClaims;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isObjectClaim = (value: unknown): value is ObjectClaim =>
  isRecord(value) && typeof value.name === "string" && typeof value.uid === "string";
