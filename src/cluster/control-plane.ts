// The control plane as one value: storage below, the API server over it, controllers and scheduler as its clients.
// Imports nothing of the host: the same is embedded in tests.

import type { ServiceAccount, User } from "../api/index.ts";
import { type Client, inProcessClient } from "../client/index.ts";
import { addressAt, assert, type Clock, type Logger, parseRange, type Random } from "../lib/index.ts";
import {
  type ApiServer,
  type Authenticator,
  apiServerUser,
  bearerTokenAuthenticator,
  type ConfiguredAuthorizerOptions,
  cachedTokens,
  configuredAuthorizer,
  createApiServer,
  createBootstrapTokenAuthenticator,
  createJwtAuthenticator,
  createReviewHandlers,
  createServiceAccountAuthenticator,
  createStaticTokenAuthenticator,
  createTokenKeys,
  createTokenWebhook,
  createX509Authenticator,
  defaultAdmissionPlugins,
  defaultAuthorization,
  ensureServiceCidr,
  ensureSystemPriorityClasses,
  expireEvents,
  legacyClaims,
  lookupIn,
  NodeAuthorizer,
  RbacAuthorizer,
  type RemoteReviewer,
  ResourceRegistry,
  ResourceVersions,
  reconcileBootstrapPolicy,
  serveCustomResources,
  serviceAllocation,
  type TokenAuthenticator,
  TokenIssuer,
  type TokenKeys,
  type TrustedIssuer,
  tokenRequestHandlers,
  unionAuthenticator,
  unionTokenAuthenticator,
  type WebhookCaller,
} from "../server/index.ts";
import { type Storage, startWatchCache, type WatchCache } from "../storage/index.ts";
import { componentStatuses, type LoopName } from "./component-statuses.ts";
import { ensureFlowObjects } from "./flow-objects.ts";
import { storageAnswers } from "./health-checks.ts";
import { ensureTokenTracking, TokenUses } from "./secret-tokens.ts";
import { type ApiEndpoint, ensureKubernetesService, ensureOwnRoles, ensureSystemNamespaces } from "./system-objects.ts";

export interface ControlPlaneOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Signs service-account tokens; PKCS #8 PEM. */
  readonly serviceAccountKey: string;
  /** Where pods and others reach the API server; undefined when it listens on loopback alone. */
  readonly apiAddress: string | undefined;
  readonly apiPort: number;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly clusterDomain: string;
  /** How webhooks are called; without it every call of one fails. */
  readonly callWebhook?: WebhookCaller;
  /** Who may come with which token, from a file. */
  readonly staticTokens?: ReadonlyMap<string, User>;
  /** Whose tokens are taken beside the cluster's own. */
  readonly issuers?: readonly TrustedIssuer[];
  /** Who is asked about tokens that nobody here knows. */
  readonly tokenReviewer?: RemoteReviewer;
  /** Who decides what users may do: nodes' own rules and roles when left out. */
  readonly authorization?: Pick<ConfiguredAuthorizerOptions, "configuration" | "reviewers">;
  /** Freezes stored objects all the way down, for development and tests. */
  readonly freeze: boolean;
}

export interface ControlPlane {
  readonly api: ApiServer;
  readonly authenticator: Authenticator;
  readonly cache: WatchCache;
  readonly tokenKeys: TokenKeys;
  /** Makes tokens that do not end, for those who keep them in secrets. */
  signServiceAccountToken(account: ServiceAccount, secretName: string): Promise<string>;
  readonly issuer: string;
  /** The loops that run now; who runs them keeps it. */
  readonly running: Set<LoopName>;
  /** Where pods reach it. */
  readonly endpoint: ApiEndpoint;
  /** The API as `user` sees it, without sockets; `program` is who manages the fields that it writes. */
  client(user: User, program?: string): Client;
  close(): Promise<void>;
}

const noWebhooks: WebhookCaller = () => Promise.reject(new Error("this control plane calls no webhooks"));

/** As --authentication-token-cache-ttl of Kubernetes' API server has it. */
const foreignTokensKeptMs = 10_000;

/** As --authentication-token-webhook-cache-ttl has it. */
const reviewedTokensKeptMs = 2 * 60_000;

function tokenWebhook(
  { tokenReviewer, callWebhook = noWebhooks, clock, log }: ControlPlaneOptions,
  audiences: readonly string[],
): readonly TokenAuthenticator[] {
  if (!tokenReviewer) return [];
  const webhook = createTokenWebhook({ reviewer: tokenReviewer, call: callWebhook, clock, log, audiences });
  return [cachedTokens(webhook, { clock, knownMs: reviewedTokensKeptMs, unknownMs: reviewedTokensKeptMs })];
}

/** Who issues the tokens of service accounts. */
export const serviceAccountIssuer = (clusterDomain: string) => `https://kubernetes.default.svc.${clusterDomain}`;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { storage, clock, random, log, callWebhook = noWebhooks } = options;
  const cache = await startWatchCache(storage, { clock, log, freeze: options.freeze });
  const lookup = lookupIn(cache);
  const serviceRange = parseRange(options.serviceRange);
  assert(serviceRange, `${options.serviceRange} is a range`);
  const issuer = serviceAccountIssuer(options.clusterDomain);
  const tokenKeys = await createTokenKeys(options.serviceAccountKey);
  const tokens = { keys: tokenKeys, lookup, clock, random, issuer, audiences: [issuer] };
  const tokenAuthenticator = unionTokenAuthenticator(
    createStaticTokenAuthenticator(options.staticTokens ?? new Map(), tokens.audiences),
    createServiceAccountAuthenticator({ ...tokens, noteUse: (secret, day) => tokenUses.note(secret, day) }),
    createBootstrapTokenAuthenticator(tokens),
    cachedTokens(createJwtAuthenticator({ ...tokens, issuers: options.issuers ?? [], call: callWebhook, log }), {
      clock,
      knownMs: foreignTokensKeptMs,
    }),
    ...tokenWebhook(options, tokens.audiences),
  );
  const authenticator = unionAuthenticator(
    createX509Authenticator(clock),
    bearerTokenAuthenticator(tokenAuthenticator),
  );
  const rbac = new RbacAuthorizer(lookup);
  const authorization = options.authorization ?? { configuration: defaultAuthorization, reviewers: new Map() };
  const node = new NodeAuthorizer(lookup);
  const authorizer = configuredAuthorizer({ ...authorization, node, rbac, call: callWebhook, clock });
  const services = { cache, serviceRange, serviceRangeText: options.serviceRange, clock, random };
  const registry = new ResourceRegistry();
  const webhooks = { lookup, call: callWebhook };
  const customResources = serveCustomResources({ registry, cache, webhooks, random, log });
  const running = new Set<LoopName>();
  const api = createApiServer({
    registry,
    storage,
    cache,
    authorizer,
    commitHooks: new Map([["services", serviceAllocation(services)]]),
    createHandlers: new Map([
      ...createReviewHandlers({
        tokens: tokenAuthenticator,
        authorizer,
        rules: rbac,
        clock,
        hasUnlistedRules: authorization.configuration.some(({ type }) => type === "Webhook"),
      }),
      ...tokenRequestHandlers(new TokenIssuer(tokens)),
    ]),
    computed: new Map([["componentstatuses", () => componentStatuses(running, () => storageAnswers(storage, clock))]]),
    admission: defaultAdmissionPlugins({
      ...{ lookup, clock, random, log, authorizer, rules: rbac, webhooks },
      versions: new ResourceVersions(registry),
    }),
    clock,
    random,
    log,
  });
  const endpoint = {
    serviceAddress: addressAt(serviceRange, 1),
    address: options.apiAddress,
    port: options.apiPort,
  };
  const own = inProcessClient(api, apiServerUser, "kube-apiserver");
  const tokenUses = new TokenUses(own, log);
  await ensureSystemNamespaces(own);
  await Promise.all([
    reconcileBootstrapPolicy(api, lookup),
    ensureSystemPriorityClasses(api, lookup),
    ensureFlowObjects(own),
    ensureServiceCidr(api, clock, options.serviceRange),
    ensureOwnRoles(own),
    ensureTokenTracking(own, clock),
    ensureKubernetesService(own, endpoint),
  ]);
  const ending = new AbortController();
  const expiry = expireEvents({ cache, storage, clock, log, signal: ending.signal });
  return {
    api,
    endpoint,
    authenticator,
    cache,
    tokenKeys,
    issuer,
    running,
    signServiceAccountToken: (account, secretName) => tokenKeys.sign(legacyClaims(account, secretName)),
    client: (user, program) => inProcessClient(api, user, program),
    async close() {
      ending.abort();
      await expiry;
      await customResources.close();
      await cache.close();
      await storage.close();
    },
  };
}
