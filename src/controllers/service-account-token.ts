// Fills secrets of type kubernetes.io/service-account-token: pkg/controller/serviceaccount/tokens_controller.go.
import {
  ApiError,
  type Secret,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
  serviceAccountNameAnnotation,
  serviceAccountUidAnnotation,
  tokenSecretType,
} from "../api/index.ts";
import { also, type Client, defineController, type Key, keyOf } from "../client/index.ts";

/** A token that does not end, for a service account and kept in the secret of that name. */
export type SignServiceAccountToken = (account: ServiceAccount, secretName: string) => Promise<string>;

/** Keeps token, authority and namespace in such secrets, and removes those whose service account is gone; and the other way round. */
export function serviceAccountTokenController(sign: SignServiceAccountToken, rootCertificate: string) {
  /** Such secrets that went, by key, until their accounts name them no more. */
  const gone = new Map<Key, Secret>();
  return defineController({
    name: "serviceaccount-token-controller",
    watches: {
      also: [
        also(Secrets, (secret, cache) => {
          if (accountKey(secret) === undefined) return [];
          const key = keyOf(secret);
          if (!cache.get(Secrets, key)) gone.set(key, secret);
          return [key];
        }),
        also(ServiceAccounts, (account, cache) =>
          cache.byIndex(Secrets, tokensByAccount.name, keyOf(account)).map(keyOf),
        ),
      ],
    },
    indexes: [tokensByAccount],
    async reconcile({ client, cache }, key) {
      const former = gone.get(key);
      if (former) await forget(client, former);
      gone.delete(key);
      const secret = cache.get(Secrets, key);
      const account = secret && accountKey(secret);
      if (!secret || account === undefined || secret.metadata.deletionTimestamp !== undefined) return;
      const owner = cache.get(ServiceAccounts, account) ?? (await read(client, secret));
      if (!owner || !isOwn(secret, owner)) return await remove(client, secret);
      const data = {
        "ca.crt": encode(rootCertificate),
        // Another one, which somebody put there, stays.
        namespace: secret.data?.namespace || encode(secret.metadata.namespace ?? ""),
        token: secret.data?.token || encode(await sign(owner, secret.metadata.name)),
      };
      if (Object.entries(data).every(([name, value]) => secret.data?.[name] === value)) return;
      const annotations = { ...secret.metadata.annotations, [serviceAccountUidAnnotation]: owner.metadata.uid };
      await client.update(Secrets, {
        ...secret,
        metadata: { ...secret.metadata, annotations },
        data: { ...secret.data, ...data },
      });
    },
  });
}

const tokensByAccount = {
  resource: Secrets,
  name: "token-account",
  values: (secret: Secret) => {
    const key = accountKey(secret);
    return key === undefined ? [] : [key];
  },
};

/** The key of the account whose token the secret is for; undefined for other secrets. */
function accountKey({ type, metadata }: Secret): string | undefined {
  const name = metadata.annotations?.[serviceAccountNameAnnotation];
  return type === tokenSecretType && name ? `${metadata.namespace}/${name}` : undefined;
}

/** Whether the secret is for this account and not for one of the same name before it. */
function isOwn({ metadata }: Secret, account: ServiceAccount): boolean {
  const uid = metadata.annotations?.[serviceAccountUidAnnotation];
  return uid === undefined || uid === "" || uid === account.metadata.uid;
}

/** The account from the server: it may be newer than the cache, and nothing is removed for a cache's delay. */
async function read(client: Client, { metadata }: Secret): Promise<ServiceAccount | undefined> {
  const { namespace = "", annotations } = metadata;
  try {
    return await client.get(ServiceAccounts, { namespace, name: annotations?.[serviceAccountNameAnnotation] ?? "" });
  } catch (error) {
    if (error instanceof ApiError && error.reason === "NotFound") return undefined;
    throw error;
  }
}

/** Takes a secret that is gone from those that its account lists. */
async function forget(client: Client, secret: Secret): Promise<void> {
  const account = await read(client, secret);
  const { name } = secret.metadata;
  if (!account?.secrets?.some((each) => each.name === name) || !isOwn(secret, account)) return;
  await client.update(ServiceAccounts, { ...account, secrets: account.secrets.filter((each) => each.name !== name) });
}

async function remove(client: Client, { metadata }: Secret): Promise<void> {
  const { uid, resourceVersion, namespace = "", name } = metadata;
  try {
    await client.delete(Secrets, { namespace, name }, { body: { preconditions: { uid, resourceVersion } } });
  } catch (error) {
    // Gone already, or changed since: then it is looked at again.
    if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) throw error;
  }
}

/** The value of a secret's data: base64 of text that is ASCII, as PEM, tokens and names are. */
const encode = (text: string): string => btoa(text);
