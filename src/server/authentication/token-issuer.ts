import {
  type AuthenticationTokenRequest,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  invalidValue,
  type KubeObject,
  Nodes,
  notFound,
  type Pod,
  Pods,
  rootPath,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
} from "../../api/index.ts";
import { type Clock, type Random, timestamp, uuid } from "../../lib/index.ts";
import type { CreateHandler, CreateHandlers } from "../create-handler.ts";
import type { Lookup } from "../lookup.ts";
import { type KubernetesClaim, objectClaim, serviceAccountUserName, type TokenClaims } from "./token-claims.ts";
import type { TokenKeys } from "./token-keys.ts";

export interface TokenIssuerOptions {
  readonly keys: TokenKeys;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
  /** Who issues: `https://kubernetes.default.svc.cluster.local`. */
  readonly issuer: string;
  /** For whom a token is that names no audience: those that the API server itself accepts. */
  readonly audiences: readonly string[];
}

const secondsDefault = 3600;
const secondsMin = 10 * 60;
const secondsMax = 2 ** 32;
/**
 * Pods of old clients never read their token again. What asks for exactly this time, as every pod's own volume does, gets
 * a token that lasts a year and says from when on its use is worth a warning: pkg/serviceaccount/jwt.go of Kubernetes.
 */
const secondsWarnOnly = 3607;
const secondsExtended = 365 * 24 * 3600;

const kind = { group: "authentication.k8s.io", kind: "TokenRequest" };

/** What a token is bound to beside its service account. */
type Bound = Pick<KubernetesClaim, "pod" | "node" | "secret">;

/** The token subresource of service accounts, for the API server to serve. */
export function tokenRequestHandlers(issuer: TokenIssuer): CreateHandlers {
  const handler: CreateHandler = ({ namespace, name, object }) =>
    issuer.createToken(namespace, name, object as unknown as Partial<AuthenticationTokenRequest>);
  return new Map([["serviceaccounts/token", handler]]);
}

/** Answers the token subresource of service accounts. */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions;

  constructor(options: TokenIssuerOptions) {
    this.#options = options;
  }

  /**
   * The request with a token in its status. Throws ApiError: 404 without the account or the bound object, 400 and 422 for
   * a request that cannot be, 409 when the bound object is another one by now.
   */
  async createToken(
    namespace: string,
    name: string,
    request: Partial<AuthenticationTokenRequest>,
  ): Promise<AuthenticationTokenRequest> {
    const { lookup, clock, audiences } = this.#options;
    const account = lookup.get(ServiceAccounts, namespace, name);
    if (!account) throw notFound(ServiceAccounts, name);
    const expirationSeconds = Number(request.spec?.expirationSeconds ?? secondsDefault);
    const asked = request.spec?.audiences ?? [];
    const spec = { ...request.spec, expirationSeconds, audiences: asked.length === 0 ? audiences : asked };
    const misnamed = validateName(request, name);
    if (misnamed.length > 0) throw invalid(kind, name, misnamed);
    const errors = validateExpiration(expirationSeconds);
    // Kubernetes names nothing here.
    if (errors.length > 0) throw invalid(kind, "", errors);
    const { uid } = account.metadata;
    const asker = request.metadata?.uid ?? "";
    if (asker !== "" && asker !== uid) {
      const why = `the UID in the token request (${asker}) does not match the UID of the service account (${uid})`;
      throw conflict({ group: kind.group, plural: kind.kind }, name, why);
    }
    const bound = this.#resolve(namespace, name, spec.boundObjectRef);
    const nowMs = clock.now();
    const extended =
      bound.pod !== undefined && expirationSeconds === secondsWarnOnly && this.#isForServer(spec.audiences);
    const token = await this.#sign(account, spec.audiences, nowMs, bound, expirationSeconds, extended);
    const metadata = { ...request.metadata, name, namespace, uid, creationTimestamp: timestamp(nowMs) };
    return {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      // A TokenRequest is never stored: it has no resourceVersion, and the uid is its account's.
      metadata: metadata as AuthenticationTokenRequest["metadata"],
      spec,
      status: { token, expirationTimestamp: timestamp(nowMs + expirationSeconds * 1000) },
    };
  }

  #sign(
    account: ServiceAccount,
    audiences: readonly string[],
    nowMs: number,
    bound: Bound,
    expirationSeconds: number,
    extended: boolean,
  ): Promise<string> {
    const { keys, random, issuer } = this.#options;
    const { namespace = "", name } = account.metadata;
    const now = Math.floor(nowMs / 1000);
    const claims: TokenClaims = {
      aud: audiences,
      exp: now + (extended ? secondsExtended : expirationSeconds),
      iat: now,
      iss: issuer,
      jti: uuid(random),
      "kubernetes.io": {
        namespace,
        ...(bound.node ? { node: bound.node } : {}),
        ...(bound.pod ? { pod: bound.pod } : {}),
        ...(bound.secret ? { secret: bound.secret } : {}),
        serviceaccount: objectClaim(account),
        ...(extended ? { warnafter: now + expirationSeconds } : {}),
      },
      nbf: now,
      sub: serviceAccountUserName(namespace, name),
    };
    return keys.sign(claims);
  }

  #isForServer(audiences: readonly string[]): boolean {
    return audiences.every((each) => this.#options.audiences.includes(each));
  }

  #resolve(
    namespace: string,
    accountName: string,
    reference: AuthenticationTokenRequest["spec"]["boundObjectRef"],
  ): Bound {
    if (!reference) return {};
    const { lookup } = this.#options;
    const { apiVersion = "", kind = "", name = "" } = reference;
    const found = <T extends KubeObject>(object: T | undefined, plural: string): T => {
      if (!object) throw notFound({ group: "", plural }, name);
      if (reference.uid !== undefined && reference.uid !== "" && reference.uid !== object.metadata.uid) {
        const why = `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
        throw conflict({ group: "", plural: kind }, name, why);
      }
      return object;
    };
    switch (`${apiVersion} ${kind}`) {
      case "v1 Pod": {
        const pod = found(lookup.get(Pods, namespace, name), "pods");
        if (pod.spec.serviceAccountName !== accountName)
          throw badRequest(
            `cannot bind token for serviceaccount "${accountName}" to pod running with different serviceaccount name.`,
          );
        return { pod: objectClaim(pod), ...this.#nodeOf(pod) };
      }
      case "v1 Node":
        return { node: objectClaim(found(lookup.get(Nodes, undefined, name), "nodes")) };
      case "v1 Secret":
        return { secret: objectClaim(found(lookup.get(Secrets, namespace, name), "secrets")) };
      default: {
        const slash = apiVersion.indexOf("/");
        const [group, version] =
          slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
        throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
      }
    }
  }

  #nodeOf(pod: Pod): Bound {
    const { nodeName } = pod.spec;
    if (nodeName === undefined || nodeName === "") return {};
    const node = this.#options.lookup.get(Nodes, undefined, nodeName);
    return { node: node ? objectClaim(node) : { name: nodeName, uid: "" } };
  }
}

function validateName({ metadata }: Partial<AuthenticationTokenRequest>, name: string): FieldError[] {
  if ((metadata?.name ?? "") === "" || metadata?.name === name) return [];
  const why = "must match the service account name if specified";
  return [invalidValue(rootPath.child("metadata", "name"), metadata?.name, why)];
}

function validateExpiration(seconds: number): FieldError[] {
  const at = rootPath.child("spec", "expirationSeconds");
  if (seconds < secondsMin) return [invalidValue(at, seconds, "may not specify a duration less than 10 minutes")];
  if (seconds > secondsMax) return [invalidValue(at, seconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}
