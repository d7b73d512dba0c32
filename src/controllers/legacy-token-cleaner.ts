// Ends tokens in secrets that nobody has used for a year: pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner
import {
  ApiError,
  ConfigMaps,
  type Pod,
  Pods,
  type Secret,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
  serviceAccountNameAnnotation,
  serviceAccountUidAnnotation,
  tokenInvalidSinceLabel,
  tokenLastUsedLabel,
  tokenSecretType,
} from "../api/index.ts";
import { also, defineController, keyOf, type ReconcileContext } from "../client/index.ts";
import { timestamp } from "../lib/index.ts";

const dayMs = 24 * 3600 * 1000;
/** How long a token may be unused before it is marked invalid, and how long after that before it goes. */
const keptMs = 365 * dayMs;
/** Says since when uses are noted. */
const tracking = "kube-system/kube-apiserver-legacy-service-account-token-tracking";

/** Those alone that an account lists: the others, somebody made by hand. */
export const legacyTokenCleaner = defineController({
  name: "legacy-serviceaccount-token-cleaner-controller",
  watches: {
    also: [
      also(ConfigMaps, (configMap) => (keyOf(configMap) === tracking ? [tracking] : [])),
      // Read here, and looked at once a day.
      also(Secrets, () => []),
      also(ServiceAccounts, () => []),
      also(Pods, () => []),
    ],
  },
  indexes: [{ resource: Pods, name: "mounted-secrets", values: mountedSecrets }],
  async reconcile(context, key) {
    const { cache, clock } = context;
    const since = Date.parse(cache.get(ConfigMaps, key)?.data?.since ?? "");
    if (Number.isNaN(since)) return;
    // Before it was noted for that long, nobody knows what is unused.
    if (since <= clock.now() - keptMs)
      for (const secret of cache.list(Secrets)) {
        const name = secret.metadata.annotations?.[serviceAccountNameAnnotation] ?? "";
        const account = cache.get(ServiceAccounts, `${secret.metadata.namespace}/${name}`);
        const isMounted = cache.byIndex(Pods, "mounted-secrets", keyOf(secret)).length > 0;
        await carryOut(context, secret, planLegacyToken(secret, account, isMounted, clock.now()));
      }
    return { afterMs: dayMs };
  },
});

/** What is to become of a secret; `account` is that of the name that it names, when there is one. */
export function planLegacyToken(
  { type, metadata }: Secret,
  account: ServiceAccount | undefined,
  isMounted: boolean,
  nowMs: number,
): "keep" | "invalidate" | "remove" {
  const preservedMs = nowMs - keptMs;
  if (type !== tokenSecretType || metadata.deletionTimestamp !== undefined) return "keep";
  if (isMounted || Date.parse(metadata.creationTimestamp) > preservedMs) return "keep";
  if (!account || account.metadata.uid !== metadata.annotations?.[serviceAccountUidAnnotation]) return "keep";
  if (!account.secrets?.some((each) => each.name === metadata.name)) return "keep";
  if (isAfter(metadata.labels?.[tokenLastUsedLabel], preservedMs)) return "keep";
  const invalidSince = metadata.labels?.[tokenInvalidSinceLabel];
  if (invalidSince === undefined || Number.isNaN(Date.parse(invalidSince))) return "invalidate";
  return isAfter(invalidSince, preservedMs) ? "keep" : "remove";
}

async function carryOut(
  { client, clock }: ReconcileContext,
  { metadata }: Secret,
  plan: ReturnType<typeof planLegacyToken>,
): Promise<void> {
  const { uid, resourceVersion } = metadata;
  try {
    if (plan === "invalidate") {
      const labels = { [tokenInvalidSinceLabel]: timestamp(clock.now()).slice(0, 10) };
      await client.patch(Secrets, metadata, { metadata: { uid, resourceVersion, labels } });
    } else if (plan === "remove") {
      await client.delete(Secrets, metadata, { body: { preconditions: { uid, resourceVersion } } });
    }
  } catch (error) {
    // Gone, or changed since: looked at again tomorrow.
    if (!(error instanceof ApiError && (error.code === 404 || error.code === 409))) throw error;
  }
}

const isAfter = (day: string | undefined, ms: number) => day !== undefined && Date.parse(day) > ms;

function mountedSecrets({ metadata, spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ secret }) =>
    secret?.secretName === undefined ? [] : `${metadata.namespace}/${secret.secretName}`,
  );
}
