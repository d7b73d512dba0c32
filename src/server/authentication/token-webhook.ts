// Tokens that another server knows: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
import type { User } from "../../api/index.ts";
import { errorMessage, type Logger } from "../../lib/index.ts";
import { type RemoteReviewer, type RemoteReviews, remoteReview } from "../webhooks/index.ts";
import type { TokenAuthenticator } from "./token-authenticator.ts";

export interface TokenWebhookOptions extends RemoteReviews {
  readonly reviewer: RemoteReviewer;
  /** What the API server itself is called in tokens. */
  readonly audiences: readonly string[];
  readonly log: Logger;
}

const timeoutMs = 30_000;

/** Asks with a TokenReview; nobody is known while the other server does not answer. */
export function createTokenWebhook(options: TokenWebhookOptions): TokenAuthenticator {
  const { reviewer, log, audiences: own } = options;
  return {
    async authenticateToken(token, asked = own) {
      const review = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        metadata: {},
        spec: { token, audiences: asked },
      };
      try {
        const status = await remoteReview(options, reviewer, review, timeoutMs);
        const user = status.authenticated === true ? readUser(status.user) : undefined;
        // Who says nothing of audiences knows none but the API server.
        const named = textsOf(status.audiences);
        const audiences = asked.filter((each) => (named.length > 0 ? named : own).includes(each));
        return user && audiences.length > 0 ? { user, audiences } : undefined;
      } catch (error) {
        log.warn("the webhook that reviews tokens does not answer", { url: reviewer.url, error: errorMessage(error) });
        return undefined;
      }
    },
  };
}

function readUser(value: unknown): User | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { username, uid, groups, extra } = value as Record<string, unknown>;
  if (typeof username !== "string" || username === "") return undefined;
  const pairs = typeof extra === "object" && extra !== null ? Object.entries(extra) : [];
  return {
    name: username,
    ...(typeof uid === "string" && uid !== "" ? { uid } : {}),
    groups: textsOf(groups),
    ...(pairs.length === 0 ? {} : { extra: Object.fromEntries(pairs.map(([key, values]) => [key, textsOf(values)])) }),
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
