// Tells extension API servers whom to believe: kube-system/extension-apiserver-authentication, which they read at their
// start (pkg/controlplane/controller/clusterauthenticationtrust).
import { ApiError, ConfigMaps } from "../api/index.ts";
import { also, type Client, type ControllerDefinition, defineController } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { frontProxyNames } from "../server/index.ts";

/** Certificates in PEM. */
export interface Authorities {
  readonly clients: string;
  readonly frontProxy: string;
}

export const authenticationTrustControllerName = "cluster-authentication-trust";

const key = { namespace: "kube-system", name: "extension-apiserver-authentication" };

/** Keeps the ConfigMap as it should be. */
export function authenticationTrustController(authorities: Authorities): ControllerDefinition {
  const name = `${key.namespace}/${key.name}`;
  return defineController({
    name: authenticationTrustControllerName,
    watches: {
      also: [also(ConfigMaps, ({ metadata }) => (`${metadata.namespace}/${metadata.name}` === name ? [name] : []))],
    },
    start: (_, enqueue) => enqueue(name),
    reconcile: ({ client }) => ensureAuthenticationTrust(client, authorities),
  });
}

async function ensureAuthenticationTrust(client: Client, { clients, frontProxy }: Authorities): Promise<void> {
  const data = {
    "client-ca-file": clients,
    "requestheader-allowed-names": JSON.stringify(frontProxyNames),
    "requestheader-client-ca-file": frontProxy,
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-username-headers": '["X-Remote-User"]',
  };
  try {
    const kept = await client.get(ConfigMaps, key);
    // What others added to it stays.
    if (!deepEqual({ ...kept.data, ...data }, kept.data))
      await client.update(ConfigMaps, { ...kept, data: { ...kept.data, ...data } });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    await client.create(ConfigMaps, { metadata: key, data });
  }
}
