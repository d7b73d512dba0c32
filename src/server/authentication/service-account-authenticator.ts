import {
  type KubeObject,
  Nodes,
  Pods,
  type ResourceDefinition,
  type Secret,
  Secrets,
  ServiceAccounts,
  tokenInvalidSinceLabel,
  tokenLastUsedLabel,
  type User,
} from "../../api/index.ts";
import { type Awaitable, type Clock, timestamp } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import { type AuthenticatedToken, ownAudiences, type TokenAuthenticator } from "./token-authenticator.ts";
import {
  type LegacyClaims,
  type ObjectClaim,
  readLegacyClaims,
  readTokenClaims,
  serviceAccountUserName,
  type TokenClaims,
} from "./token-claims.ts";
import type { TokenKeys } from "./token-keys.ts";

export interface ServiceAccountAuthenticatorOptions {
  readonly keys: TokenKeys;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly issuer: string;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
  /** Notes on the day, `2026-01-31`, that the token of a secret was used. Never fails. */
  readonly noteUse?: (secret: Secret, day: string) => void;
}

/** What of a token can never change. */
type Verified = { readonly bound: TokenClaims; readonly user: User } | { readonly legacy: LegacyClaims };

/** A token is longer than this only when somebody tries something. */
const tokenLengthMax = 16_384;
/** How many tokens' signatures are remembered; each costs an eighth of a millisecond to check, and some 2 kB to keep. */
const verifiedMax = 4096;
/** By how much the clocks of servers may differ; by as much a token is too late or too early as with Kubernetes' (go-jose, jwt). */
const leewaySeconds = 60;
/** How long after its deletion timestamp an object still stands for its tokens: pkg/serviceaccount/claims.go. */
const deletionLeewayMs = 60_000;

const extraPrefix = "authentication.kubernetes.io/";

/** Service-account tokens: bound ones from TokenRequest, and those kept in secrets. */
export function createServiceAccountAuthenticator(options: ServiceAccountAuthenticatorOptions): TokenAuthenticator {
  const { keys, lookup, clock, issuer } = options;
  // Only what can never change is remembered: that the signature is right, and whose the token is. The rest is asked
  // with every request.
  const verified = new Map<string, Verified>();

  async function verify(token: string): Promise<Verified | undefined> {
    const claims = await keys.verify(token);
    const result = claims && classify(claims, issuer);
    if (!result) return undefined;
    if (verified.size >= verifiedMax) verified.delete(verified.keys().next().value as string);
    verified.set(token, result);
    return result;
  }

  function isGone({ metadata: { deletionTimestamp } }: KubeObject): boolean {
    return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < clock.now() - deletionLeewayMs;
  }

  /** Why Kubernetes too takes a bound token for invalid, in its words and order. */
  function refusalOf({ exp, nbf, iat, aud, ...claims }: TokenClaims, wanted: readonly string[]): string | undefined {
    if (!wanted.some((each) => aud.includes(each)))
      return `token audiences ${quoted(aud)} is invalid for the target audiences ${quoted(wanted)}`;
    const nowSeconds = clock.now() / 1000;
    if (nowSeconds + leewaySeconds < nbf) return "service account token is not valid yet";
    if (nowSeconds > exp + leewaySeconds) return "service account token has expired";
    if (nowSeconds + leewaySeconds < iat) return "service account token is issued in the future";
    const { namespace, serviceaccount, pod, node, secret } = claims["kubernetes.io"];
    const account = lookup.get(ServiceAccounts, namespace, serviceaccount.name);
    if (!account) return `serviceaccounts ${JSON.stringify(serviceaccount.name)} not found`;
    if (isGone(account)) return `service account ${namespace}/${serviceaccount.name} has been deleted`;
    const { uid } = account.metadata;
    if (uid !== serviceaccount.uid) return `service account UID (${uid}) does not match claim (${serviceaccount.uid})`;
    return (
      (secret && unbound(Secrets, namespace, secret)) ??
      (pod && unbound(Pods, namespace, pod)) ??
      // The node of a pod-bound token only says where the pod ran.
      (node && !pod ? unbound(Nodes, undefined, node) : undefined)
    );
  }

  function unbound<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    namespace: string | undefined,
    claim: ObjectClaim,
  ): string | undefined {
    const object = lookup.get(definition, namespace, claim.name);
    if (!object || isGone(object)) return "service account token has been invalidated";
    const { uid } = object.metadata;
    if (uid === claim.uid) return undefined;
    const kind = definition.kind.toLowerCase();
    return `${kind} UID (${uid}) does not match service account ${kind} ref claim (${claim.uid})`;
  }

  function checkBound(claims: TokenClaims, user: User, wanted: readonly string[]) {
    if (refusalOf(claims, wanted) !== undefined) return undefined;
    return { user, audiences: wanted.filter((each) => claims.aud.includes(each)) };
  }

  function checkLegacy(token: string, claims: LegacyClaims, wanted: readonly string[]) {
    const namespace = claims["kubernetes.io/serviceaccount/namespace"];
    const name = claims["kubernetes.io/serviceaccount/service-account.name"];
    const uid = claims["kubernetes.io/serviceaccount/service-account.uid"];
    if (claims.sub !== serviceAccountUserName(namespace, name)) return undefined;
    const account = lookup.get(ServiceAccounts, namespace, name);
    if (!account || account.metadata.uid !== uid || isGone(account)) return undefined;
    const secret = lookup.get(Secrets, namespace, claims["kubernetes.io/serviceaccount/secret.name"]);
    // Deleting the secret, or what it holds, takes the token back.
    if (!secret || isGone(secret) || secret.data?.token !== btoa(token)) return undefined;
    const day = timestamp(clock.now()).slice(0, 10);
    if (secret.metadata.labels?.[tokenLastUsedLabel] !== day) options.noteUse?.(secret, day);
    if (secret.metadata.labels?.[tokenInvalidSinceLabel]) return undefined;
    const audiences = ownAudiences(options.audiences, wanted);
    return audiences && { user: serviceAccountUser(namespace, name, uid, {}), audiences };
  }

  function check(token: string, result: Verified, audiences: readonly string[]): AuthenticatedToken | undefined {
    return "bound" in result
      ? checkBound(result.bound, result.user, audiences)
      : checkLegacy(token, result.legacy, audiences);
  }

  function authenticateToken(
    token: string,
    audiences: readonly string[] = options.audiences,
  ): Awaitable<AuthenticatedToken | undefined> {
    if (token.length > tokenLengthMax) return undefined;
    const known = verified.get(token);
    if (known) return check(token, known, audiences);
    return verify(token).then((result) => result && check(token, result, audiences));
  }

  async function refusal(token: string, audiences: readonly string[] = options.audiences) {
    if (token.length > tokenLengthMax) return undefined;
    const result = verified.get(token) ?? (await verify(token));
    return result && "bound" in result ? refusalOf(result.bound, audiences) : undefined;
  }

  return { authenticateToken, refusal };
}

/** A list of texts as Go prints it with %q. */
const quoted = (texts: readonly string[]) => `[${texts.map((each) => JSON.stringify(each)).join(" ")}]`;

function classify(claims: Readonly<Record<string, unknown>>, issuer: string): Verified | undefined {
  if (claims.iss === issuer) {
    const bound = readTokenClaims(claims);
    const user = bound && boundUser(bound);
    return user && { bound, user };
  }
  const legacy = readLegacyClaims(claims);
  return legacy && { legacy };
}

/** undefined when the token's subject is another than its service account. */
function boundUser({ sub, jti, ...claims }: TokenClaims): User | undefined {
  const { namespace, serviceaccount, pod, node } = claims["kubernetes.io"];
  if (sub !== serviceAccountUserName(namespace, serviceaccount.name)) return undefined;
  const extra = {
    ...(jti === "" ? {} : { [`${extraPrefix}credential-id`]: [`JTI=${jti}`] }),
    ...(pod ? { [`${extraPrefix}pod-name`]: [pod.name], [`${extraPrefix}pod-uid`]: [pod.uid] } : {}),
    ...(node ? { [`${extraPrefix}node-name`]: [node.name] } : {}),
    ...(node && node.uid !== "" ? { [`${extraPrefix}node-uid`]: [node.uid] } : {}),
  };
  return serviceAccountUser(namespace, serviceaccount.name, serviceaccount.uid, extra);
}

function serviceAccountUser(namespace: string, name: string, uid: string, extra: NonNullable<User["extra"]>): User {
  return {
    name: serviceAccountUserName(namespace, name),
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
