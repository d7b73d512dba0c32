// Who may come in and what they may do: what the cluster knows by itself, and what an operator adds, which may change while
// the server runs. Imports nothing of the host.
import type { User } from "../api/index.ts";
import type { Clock, Logger } from "../lib/index.ts";
import {
  type AnonymousAccess,
  type Authenticator,
  type Authorizer,
  bearerTokenAuthenticator,
  type ConfiguredAuthorizerOptions,
  cachedTokens,
  configuredAuthorizer,
  createJwtAuthenticator,
  createStaticTokenAuthenticator,
  createTokenWebhook,
  createX509Authenticator,
  defaultAuthorization,
  type RemoteReviewer,
  type TokenAuthenticator,
  type TrustedIssuer,
  unionAuthenticator,
  unionTokenAuthenticator,
  type WebhookCaller,
} from "../server/index.ts";

/** What an operator says; docs/access.md says where. */
export interface GuardSettings {
  /** Who may come with which token. */
  readonly staticTokens?: ReadonlyMap<string, User>;
  /** Whose tokens are taken beside the cluster's own. */
  readonly issuers?: readonly TrustedIssuer[];
  /** Who may come without proving who they are: everybody when left out, as far as roles let them. */
  readonly anonymous?: AnonymousAccess;
  /** Who is asked about tokens that nobody here knows. */
  readonly tokenReviewer?: RemoteReviewer;
  /** Who decides what users may do: nodes' own rules and roles when left out. */
  readonly authorization?: Pick<ConfiguredAuthorizerOptions, "configuration" | "reviewers">;
}

export interface GuardsOptions {
  /** The authenticators of the cluster's own tokens, in their order. */
  readonly ownTokens: readonly TokenAuthenticator[];
  readonly node: Authorizer;
  readonly rbac: Authorizer;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
  readonly call: WebhookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

/** As --authentication-token-cache-ttl of Kubernetes' API server has it. */
const foreignTokensKeptMs = 10_000;
/** As --authentication-token-webhook-cache-ttl has it. */
const reviewedTokensKeptMs = 2 * 60_000;

const everybody: AnonymousAccess = { isAllowed: true, paths: [] };

/** Each of its parts can be given away: it asks what counts at the moment. */
export class Guards {
  readonly tokens: TokenAuthenticator;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly anonymous: AnonymousAccess;
  readonly #options: GuardsOptions;
  #settings: GuardSettings;
  #tokens: TokenAuthenticator;
  #authorizer: Authorizer;

  constructor(options: GuardsOptions, settings: GuardSettings) {
    this.#options = options;
    const anonymous = () => this.#settings.anonymous ?? everybody;
    this.tokens = {
      authenticateToken: (token, asked) => this.#tokens.authenticateToken(token, asked),
      refusal: (token, asked) => this.#tokens.refusal?.(token, asked),
    };
    this.authenticator = unionAuthenticator(
      createX509Authenticator(options.clock),
      bearerTokenAuthenticator(this.tokens),
    );
    this.authorizer = { authorize: (attributes) => this.#authorizer.authorize(attributes) };
    this.anonymous = {
      get isAllowed() {
        return anonymous().isAllowed;
      },
      get paths() {
        return anonymous().paths;
      },
    };
    this.#settings = settings;
    this.#tokens = this.#tokensOf(settings);
    this.#authorizer = this.#authorizerOf(settings);
  }

  /** From now on these count, and none that counted before. */
  use(settings: GuardSettings): void {
    this.#tokens = this.#tokensOf(settings);
    this.#authorizer = this.#authorizerOf(settings);
    this.#settings = settings;
  }

  #tokensOf({ staticTokens = new Map(), issuers = [], tokenReviewer }: GuardSettings): TokenAuthenticator {
    const { ownTokens, audiences, call, clock, log } = this.#options;
    const foreign = createJwtAuthenticator({ issuers, call, clock, log, audiences });
    const reviewed = tokenReviewer && createTokenWebhook({ reviewer: tokenReviewer, call, clock, log, audiences });
    return unionTokenAuthenticator(
      createStaticTokenAuthenticator(staticTokens, audiences),
      ...ownTokens,
      cachedTokens(foreign, { clock, knownMs: foreignTokensKeptMs }),
      ...(reviewed
        ? [cachedTokens(reviewed, { clock, knownMs: reviewedTokensKeptMs, unknownMs: reviewedTokensKeptMs })]
        : []),
    );
  }

  #authorizerOf({ authorization = { configuration: defaultAuthorization, reviewers: new Map() } }: GuardSettings) {
    const { node, rbac, call, clock } = this.#options;
    return configuredAuthorizer({ ...authorization, node, rbac, call, clock });
  }

  /** Whether somebody decides whose rules cannot be listed. */
  get hasUnlistedRules(): boolean {
    return this.#settings.authorization?.configuration.some(({ type }) => type === "Webhook") ?? false;
  }
}
