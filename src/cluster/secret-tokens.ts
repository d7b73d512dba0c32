// Notes when the tokens that are kept in secrets are used, so that it is known which nobody needs:
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#tracking-serviceaccount-tokens
import { ApiError, ConfigMaps, type Secret, Secrets, tokenLastUsedLabel } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { type Clock, errorMessage, type Logger, timestamp } from "../lib/index.ts";

const trackingConfigMap = { namespace: "kube-system", name: "kube-apiserver-legacy-service-account-token-tracking" };

/** Says since when uses are noted. */
export async function ensureTokenTracking(client: Client, clock: Clock): Promise<void> {
  try {
    const since = timestamp(clock.now()).slice(0, 10);
    await client.create(ConfigMaps, { metadata: trackingConfigMap, data: { since } });
  } catch (error) {
    // It is there since an earlier start.
    if (!(error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
  }
}

/** Writes the day of a token's last use on its secret. */
export class TokenUses {
  #client: Client;
  #log: Logger;
  /** The secrets that are being written, by uid: requests come faster than that. */
  #underWay = new Set<string>();

  constructor(client: Client, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  note({ metadata }: Secret, day: string): void {
    const { uid } = metadata;
    if (this.#underWay.has(uid)) return;
    this.#underWay.add(uid);
    const patch = { metadata: { uid, labels: { [tokenLastUsedLabel]: day } } };
    this.#client
      .patch(Secrets, metadata, patch)
      .catch((error) => {
        // The request that brought the token is served all the same; the next one notes it again.
        this.#log.warn("the use of a secret's token could not be noted", {
          secret: `${metadata.namespace}/${metadata.name}`,
          error: errorMessage(error),
        });
      })
      .finally(() => this.#underWay.delete(uid));
  }
}
