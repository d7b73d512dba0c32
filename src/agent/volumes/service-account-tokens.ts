import { type Pod, ServiceAccounts, type ServiceAccountTokenProjection } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";

interface KnownToken {
  readonly token: string;
  readonly expiresAtMs: number;
  /** From when on a new one is asked for. */
  readonly refreshAtMs: number;
}

const lifeSecondsDefault = 3_600;
/** A token is renewed after this part of its life, and once a day (the kubelet's token manager). */
const refreshFraction = 0.8;
const retryMs = 10_000;
const ageMsMax = 24 * 3_600_000;

/** What the API answers to a TokenRequest (authentication.k8s.io/v1). */
interface TokenAnswer {
  readonly status: { readonly token: string; readonly expirationTimestamp: string };
}

type Context = Pick<AgentContext, "client" | "clock" | "log">;

/** The tokens of service accounts in pods' volumes, asked of the API and renewed before they expire. */
export class ServiceAccountTokens {
  readonly #context: Context;
  /** By pod uid, audience and life. */
  readonly #tokens = new Map<string, KnownToken>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** A token that is good for a while, and when it is to be renewed. */
  async token(pod: Pod, { audience, expirationSeconds }: ServiceAccountTokenProjection): Promise<KnownToken> {
    const { clock, log } = this.#context;
    const lifeSeconds = Number(expirationSeconds ?? lifeSecondsDefault);
    const key = `${pod.metadata.uid}/${lifeSeconds}/${audience ?? ""}`;
    const known = this.#tokens.get(key);
    if (known && clock.now() < known.refreshAtMs) return known;
    try {
      const fresh = await this.#request(pod, audience, lifeSeconds);
      this.#tokens.set(key, fresh);
      return fresh;
    } catch (error) {
      if (!known || clock.now() >= known.expiresAtMs) throw error;
      // The old one is still good.
      log.warn("service account token not renewed", { pod: pod.metadata.name, error: errorMessage(error) });
      return { ...known, refreshAtMs: clock.now() + retryMs };
    }
  }

  forget(podUid: string): void {
    for (const key of this.#tokens.keys()) if (key.startsWith(`${podUid}/`)) this.#tokens.delete(key);
  }

  async #request(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<KnownToken> {
    const { client, clock } = this.#context;
    const { namespace = "", name, uid } = pod.metadata;
    const account = pod.spec.serviceAccountName || "default";
    const answer = await client.createSubresource<object, TokenAnswer>(
      ServiceAccounts,
      { namespace, name: account },
      "token",
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: { name: account, namespace },
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
    );
    const { token, expirationTimestamp } = answer.status;
    const now = clock.now();
    const expiresAtMs = Date.parse(expirationTimestamp);
    return { token, expiresAtMs, refreshAtMs: now + Math.min(ageMsMax, (expiresAtMs - now) * refreshFraction) };
  }
}
