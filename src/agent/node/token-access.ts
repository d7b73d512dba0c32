// Who comes to the agent with a token, to see what the node uses: the kubelet's webhook authentication and authorization.
import { ApiError, SubjectAccessReviews, TokenReviews, type UserInfo, unauthorized } from "../../api/index.ts";
import type { Client } from "../../client/index.ts";
import type { Clock } from "../../lib/index.ts";

/** How long a yes is believed, and a no: the kubelet's --authentication-token-webhook-cache-ttl and its kind. */
const allowedMs = 120_000;
const refusedMs = 30_000;
/** Of answers that are remembered. Whoever sends ever new tokens makes the others be asked for again. */
const rememberedMax = 1_000;

export type NodePart = "stats" | "metrics";

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

  /** Throws ApiError: 401 for a token that nobody has, 403 for who may not read that part. */
  async check(token: string, part: NodePart): Promise<void> {
    const key = `${part} ${token}`;
    const nowMs = this.#clock.monotonicMs();
    let verdict = this.#verdicts.get(key);
    if (!verdict || verdict.untilMs <= nowMs) {
      const refusal = await this.#ask(token, part);
      verdict = { untilMs: nowMs + (refusal ? refusedMs : allowedMs), refusal };
      if (this.#verdicts.size >= rememberedMax) this.#verdicts.clear();
      this.#verdicts.set(key, verdict);
    }
    if (verdict.refusal) throw verdict.refusal;
  }

  async #ask(token: string, part: NodePart): Promise<ApiError | undefined> {
    const { status } = await this.#client.create(TokenReviews, { metadata: {}, spec: { token } });
    if (!status.authenticated || !status.user) return unauthorized();
    const user: UserInfo = status.user;
    const { username = "", groups = [], uid, extra } = user;
    const review = await this.#client.create(SubjectAccessReviews, {
      metadata: {},
      spec: {
        user: username,
        groups,
        ...(uid === undefined ? {} : { uid }),
        ...(extra ? { extra } : {}),
        resourceAttributes: { verb: "get", version: "v1", resource: "nodes", subresource: part, name: this.#nodeName },
      },
    });
    if (review.status.allowed) return undefined;
    const message = `Forbidden (user=${username}, verb=get, resource=nodes, subresource(s)=[${part}])`;
    return new ApiError(403, "Forbidden", message);
  }
}
