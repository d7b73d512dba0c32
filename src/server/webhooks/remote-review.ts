// Reviews that another server answers: who somebody is (TokenReview) and what they may do (SubjectAccessReview).
import { type Clock, sleep } from "../../lib/index.ts";
import type { WebhookCaller, WebhookRequest } from "./webhook.ts";

/** Where the other server is and what is shown to it: what a kubeconfig says. */
export type RemoteReviewer = Pick<WebhookRequest, "url" | "authority" | "client" | "authorization">;

export interface RemoteReviews {
  readonly call: WebhookCaller;
  readonly clock: Clock;
}

const triesMax = 5;
const firstWaitMsDefault = 500;

/**
 * The status of the answered review. A server that cannot be reached is asked again, within `timeoutMs` in all; rejects
 * with the last error.
 */
export async function remoteReview(
  { call, clock }: RemoteReviews,
  reviewer: RemoteReviewer,
  body: unknown,
  timeoutMs: number,
  firstWaitMs: number = firstWaitMsDefault,
): Promise<Readonly<Record<string, unknown>>> {
  const endMs = clock.monotonicMs() + timeoutMs;
  for (let tried = 1, waitMs = firstWaitMs; ; tried++, waitMs *= 1.5) {
    try {
      const answer = await call({ ...reviewer, body, timeoutMs: endMs - clock.monotonicMs() });
      return statusOf(answer);
    } catch (error) {
      if (tried === triesMax || clock.monotonicMs() + waitMs >= endMs) throw error;
      // What was not answered may be the next time.
      await sleep(clock, waitMs);
    }
  }
}

function statusOf(answer: unknown): Readonly<Record<string, unknown>> {
  const status = (answer as { status?: unknown } | null)?.status;
  if (typeof status !== "object" || status === null) throw new Error("the answer is no review with a status");
  return status as Record<string, unknown>;
}
