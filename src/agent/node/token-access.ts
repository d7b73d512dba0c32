// Who comes to the agent with a token, to see how the node and its pods are: the kubelet's webhook authentication and
// authorization.
import { ApiError, SubjectAccessReviews, TokenReviews, type UserInfo, unauthorized } from "../../api/index.ts";
import type { Client } from "../../client/index.ts";
import type { Clock } from "../../lib/index.ts";

/** How long a yes is believed, and a no: the kubelet's --authentication-token-webhook-cache-ttl and its kind. */
const allowedMs = 120_000;
const refusedMs = 30_000;
/** Of answers that are remembered. Whoever sends ever new tokens makes the others be asked for again. */
const rememberedMax = 1_000;

/** The subresource of nodes that covers everything without one of its own. */
const everything = "proxy";
/**
 * Which subresources of nodes let somebody read what is below a path; any of them does.
 * https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#fine-grained-authorization
 */
const subresources: Readonly<Record<string, readonly string[]>> = {
  stats: ["stats"],
  metrics: ["metrics"],
  logs: ["log"],
  pods: ["pods", everything],
  runningpods: ["pods", everything],
  configz: ["configz", everything],
  healthz: ["healthz", everything],
};

/** Whether what is below the first word of a path is shown to who has a token. */
export const isForTokens = (first: string): boolean => Object.hasOwn(subresources, first);

interface Verdict {
  readonly untilMs: number;
  /** Undefined: allowed. */
  readonly refusal: ApiError | undefined;
}

export class TokenAccess {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #nodeName: string;
  readonly #verdicts = new Map<string, Verdict>();

  /** `client` is the node's own, who may ask this. */
  constructor(client: Client, clock: Clock, nodeName: string) {
    this.#client = client;
    this.#clock = clock;
    this.#nodeName = nodeName;
  }

  /** Throws ApiError: 401 for a token that nobody has, 403 for who may not read what is below `first`, a path's first word. */
  async check(token: string, first: string): Promise<void> {
    const key = `${first} ${token}`;
    const nowMs = this.#clock.monotonicMs();
    let verdict = this.#verdicts.get(key);
    if (!verdict || verdict.untilMs <= nowMs) {
      const refusal = await this.#ask(token, subresources[first] ?? [everything]);
      verdict = { untilMs: nowMs + (refusal ? refusedMs : allowedMs), refusal };
      if (this.#verdicts.size >= rememberedMax) this.#verdicts.clear();
      this.#verdicts.set(key, verdict);
    }
    if (verdict.refusal) throw verdict.refusal;
  }

  async #ask(token: string, anyOf: readonly string[]): Promise<ApiError | undefined> {
    const { status } = await this.#client.create(TokenReviews, { metadata: {}, spec: { token } });
    if (!status.authenticated || !status.user) return unauthorized();
    for (const subresource of anyOf) if (await this.#mayGet(status.user, subresource)) return undefined;
    const what = `verb=get, resource=nodes, subresource(s)=[${anyOf.join(" ")}]`;
    return new ApiError(403, "Forbidden", `Forbidden (user=${status.user.username ?? ""}, ${what})`);
  }

  async #mayGet({ username = "", groups = [], uid, extra }: UserInfo, subresource: string): Promise<boolean> {
    const { status } = await this.#client.create(SubjectAccessReviews, {
      metadata: {},
      spec: {
        user: username,
        groups,
        ...(uid === undefined ? {} : { uid }),
        ...(extra ? { extra } : {}),
        resourceAttributes: { verb: "get", version: "v1", resource: "nodes", subresource, name: this.#nodeName },
      },
    });
    return status.allowed;
  }
}
