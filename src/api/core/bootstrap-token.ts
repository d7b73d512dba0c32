// The secrets by which new nodes make themselves known: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import type { Secret } from "../types.generated.ts";

export const bootstrapTokenType = "bootstrap.kubernetes.io/token";
export const bootstrapTokenNamespace = "kube-system";
/** The names of such secrets are this and the token's id. */
export const bootstrapTokenPrefix = "bootstrap-token-";

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** Whether it says who sends a request. */
  readonly authenticates: boolean;
  /** Whether it signs what the cluster tells of itself. */
  readonly signs: boolean;
  /** Undefined when the secret names one that is none for such tokens. */
  readonly groups: readonly string[] | undefined;
  /** Milliseconds since 1970, in the past when nobody can tell; undefined: it does not end. */
  readonly endMs: number | undefined;
}

const bootstrappers = "system:bootstrappers";
const extraGroup = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** What the secret says of its token; undefined when it is no such secret or holds another token than its name says. */
export function readBootstrapToken({ type, metadata, data = {} }: Secret): BootstrapToken | undefined {
  if (type !== bootstrapTokenType || metadata.namespace !== bootstrapTokenNamespace) return undefined;
  const text = (key: string) => atob(data[key] ?? "");
  const id = text("token-id");
  const secret = text("token-secret");
  if (id === "" || secret === "" || metadata.name !== bootstrapTokenPrefix + id) return undefined;
  return {
    id,
    secret,
    authenticates: text("usage-bootstrap-authentication") === "true",
    signs: text("usage-bootstrap-signing") === "true",
    groups: groupsOf(text("auth-extra-groups")),
    endMs: bootstrapTokenEndMs({ data }),
  };
}

/** As `endMs`, of any secret of the type. */
export function bootstrapTokenEndMs({ data = {} }: Pick<Secret, "data">): number | undefined {
  const expiration = atob(data.expiration ?? "");
  if (expiration === "") return undefined;
  const endMs = rfc3339.test(expiration) ? Date.parse(expiration) : Number.NaN;
  return Number.isNaN(endMs) ? 0 : endMs;
}

function groupsOf(extra: string): readonly string[] | undefined {
  if (extra === "") return [bootstrappers];
  const groups = extra.split(",");
  return groups.every((group) => extraGroup.test(group)) ? [...new Set([bootstrappers, ...groups])].sort() : undefined;
}
