// The control plane as one value: storage below, the API server over it, controllers and scheduler as its clients.
// Imports nothing of the host: the same is embedded in tests.

import { Namespaces, type ResourceHandler, type ServiceAccount, type User } from "../api/index.ts";
import { type Client, inProcessClient } from "../client/index.ts";
import {
  addressAt,
  assert,
  type Clock,
  type Logger,
  type MetricRegistry,
  parseRange,
  type Random,
} from "../lib/index.ts";
import {
  type AdmissionOptions,
  type AdmissionPlugin,
  type ApiServer,
  type Authenticator,
  apiServerUser,
  createApiServer,
  createBootstrapTokenAuthenticator,
  createReviewHandlers,
  createServiceAccountAuthenticator,
  createTokenKeys,
  ensureServiceCidr,
  ensureSystemPriorityClasses,
  expireEvents,
  legacyClaims,
  lookupIn,
  NodeAuthorizer,
  PolicyMetrics,
  planAdmission,
  RbacAuthorizer,
  type ReadNodeStats,
  ResourceRegistry,
  ResourceVersions,
  serveCustomResources,
  serveResourceMetrics,
  serviceAllocation,
  TokenIssuer,
  type TokenKeys,
  tokenRequestHandlers,
  type WebhookCaller,
  WebhookMetrics,
} from "../server/index.ts";
import { type Storage, startWatchCache, type WatchCache } from "../storage/index.ts";
import { componentStatuses, type LoopName } from "./component-statuses.ts";
import { type GuardSettings, Guards } from "./guards.ts";
import { storageAnswers } from "./health-checks.ts";
import { ensureTokenTracking, TokenUses } from "./secret-tokens.ts";
import {
  type ApiEndpoint,
  ensureDefaults,
  ensureKubernetesService,
  ensureMetricsReader,
  ensureOwnRoles,
  ensureSystemNamespaces,
} from "./system-objects.ts";

export interface ControlPlaneOptions extends GuardSettings {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Signs service-account tokens; PKCS #8 PEM, or keys that are made already. */
  readonly serviceAccountKey: string | TokenKeys;
  /** Where pods and others reach the API server; undefined when it listens on loopback alone. */
  readonly apiAddress: string | undefined;
  readonly apiPort: number;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly clusterDomain: string;
  /** The admission plugins that are on; those of Kubernetes' defaults when left out. */
  readonly admission?: (options: AdmissionOptions) => readonly AdmissionPlugin[];
  /** How webhooks are called; without it every call of one fails. */
  readonly callWebhook?: WebhookCaller;
  /** What nodes use; without it there is no metrics.k8s.io. */
  readonly readNodeStats?: ReadNodeStats;
  /** Where the server counts. */
  readonly metrics?: MetricRegistry;
  /** Freezes stored objects all the way down, for development and tests. */
  readonly freeze: boolean;
  /** What the clients of this process pass on their way to the API: the faults of a simulation. */
  readonly through?: (api: ResourceHandler) => ResourceHandler;
}

/** Its `handle` is the API as the clients of this process reach it. */
export interface ControlPlane extends ResourceHandler, Pick<ApiServer, "authorize"> {
  readonly api: ApiServer;
  /** Who may come in and what they may do. */
  readonly guards: Guards;
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

/** Who issues the tokens of service accounts. */
export const serviceAccountIssuer = (clusterDomain: string) => `https://kubernetes.default.svc.${clusterDomain}`;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { storage, clock, random, log, callWebhook = noWebhooks, admission = planAdmission() } = options;
  const cache = await startWatchCache(storage, { clock, log, freeze: options.freeze });
  const lookup = lookupIn(cache);
  const serviceRange = parseRange(options.serviceRange);
  assert(serviceRange, `${options.serviceRange} is a range`);
  const issuer = serviceAccountIssuer(options.clusterDomain);
  const { serviceAccountKey } = options;
  const tokenKeys =
    typeof serviceAccountKey === "string" ? await createTokenKeys(serviceAccountKey) : serviceAccountKey;
  const tokens = { keys: tokenKeys, lookup, clock, random, issuer, audiences: [issuer] };
  const rbac = new RbacAuthorizer(lookup);
  const guards = new Guards(
    {
      ownTokens: [
        createServiceAccountAuthenticator({ ...tokens, noteUse: (secret, day) => tokenUses.note(secret, day) }),
        createBootstrapTokenAuthenticator(tokens),
      ],
      node: new NodeAuthorizer(lookup),
      rbac,
      audiences: tokens.audiences,
      call: callWebhook,
      clock,
      log,
    },
    options,
  );
  const { authorizer } = guards;
  const services = { cache, serviceRange, serviceRangeText: options.serviceRange, clock, random };
  const registry = new ResourceRegistry();
  const { readNodeStats } = options;
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
        tokens: guards.tokens,
        authorizer,
        rules: rbac,
        clock,
        hasUnlistedRules: () => guards.hasUnlistedRules,
      }),
      ...tokenRequestHandlers(new TokenIssuer(tokens)),
    ]),
    computed: new Map([
      ["componentstatuses", () => componentStatuses(running, () => storageAnswers(storage, clock))],
      ...(readNodeStats ? serveResourceMetrics(registry, { lookup, read: readNodeStats, clock, log }) : []),
    ]),
    admission: admission({
      ...{ lookup, clock, random, log, authorizer, rules: rbac, webhooks },
      versions: new ResourceVersions(registry),
      createNamespace: (name) => own.create(Namespaces, { metadata: { name } }),
      ...(options.metrics
        ? { webhookMetrics: new WebhookMetrics(options.metrics), policyMetrics: new PolicyMetrics(options.metrics) }
        : {}),
    }),
    ...(options.metrics ? { metrics: options.metrics } : {}),
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
    ensureDefaults(api, own),
    ensureSystemPriorityClasses(api, lookup),
    ensureServiceCidr(api, clock, options.serviceRange),
    ensureOwnRoles(own),
    ...(readNodeStats ? [ensureMetricsReader(own)] : []),
    ensureTokenTracking(own, clock),
    ensureKubernetesService(own, endpoint),
  ]);
  const handler = options.through?.(api) ?? api;
  const ending = new AbortController();
  const expiry = expireEvents({ cache, storage, clock, log, signal: ending.signal });
  return {
    api,
    handle: (request, user) => handler.handle(request, user),
    authorize: (attributes, annotate) => api.authorize(attributes, annotate),
    endpoint,
    guards,
    authenticator: guards.authenticator,
    cache,
    tokenKeys,
    issuer,
    running,
    signServiceAccountToken: (account, secretName) => tokenKeys.sign(legacyClaims(account, secretName)),
    client: (user, program) => inProcessClient(handler, user, program),
    async close() {
      ending.abort();
      await expiry;
      await customResources.close();
      await cache.close();
      await storage.close();
    },
  };
}
