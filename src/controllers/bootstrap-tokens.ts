// What becomes of bootstrap tokens: pkg/controller/bootstrap.
import {
  bootstrapTokenEndMs,
  bootstrapTokenNamespace,
  bootstrapTokenType,
  type ConfigMap,
  ConfigMaps,
  readBootstrapToken,
  type Secret,
  Secrets,
} from "../api/index.ts";
import { also, defineController, keyOf } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";
import { deleteSame } from "./deletion.ts";

const isBootstrapToken = ({ type, metadata }: Secret) =>
  type === bootstrapTokenType && metadata.namespace === bootstrapTokenNamespace;

/** Removes tokens that have ended. */
export const tokenCleaner = defineController({
  name: "token-cleaner-controller",
  watches: { also: [also(Secrets, (secret) => (isBootstrapToken(secret) ? [keyOf(secret)] : []))] },
  async reconcile({ client, cache, clock }, key) {
    const secret = cache.get(Secrets, key);
    const endMs = secret && isBootstrapToken(secret) ? bootstrapTokenEndMs(secret) : undefined;
    if (!secret || endMs === undefined) return;
    const leftMs = endMs - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    await deleteSame(client, Secrets, secret);
  },
});

const clusterInfo = "kube-public/cluster-info";
const signaturePrefix = "jws-kubeconfig-";

/** Signs what the cluster tells of itself with every token that may: a new node believes whoever has its token's secret. */
export const bootstrapSigner = defineController({
  name: "bootstrap-signer-controller",
  watches: {
    also: [
      also(ConfigMaps, (configMap) => (keyOf(configMap) === clusterInfo ? [clusterInfo] : [])),
      also(Secrets, (secret) => (isBootstrapToken(secret) ? [clusterInfo] : [])),
    ],
  },
  async reconcile({ client, cache, clock }, key) {
    const configMap = cache.get(ConfigMaps, key);
    const content = configMap?.data?.kubeconfig;
    if (!configMap || content === undefined) return;
    const data = unsigned(configMap);
    for (const secret of cache.list(Secrets, bootstrapTokenNamespace)) {
      const token = readBootstrapToken(secret);
      const isOver = token?.endMs !== undefined && token.endMs <= clock.now();
      if (!token?.signs || isOver) continue;
      data[signaturePrefix + token.id] = await detachedSignature(content, token.id, token.secret);
    }
    if (!deepEqual(data, configMap.data)) await client.update(ConfigMaps, { ...configMap, data });
  },
});

function unsigned({ data = {} }: ConfigMap): Record<string, string> {
  return Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith(signaturePrefix)));
}

/** A JSON Web Signature without its content (RFC 7515 appendix F), HMAC with SHA-256. */
async function detachedSignature(content: string, id: string, secret: string): Promise<string> {
  const encoder = new TextEncoder();
  const base64Url = (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const header = base64Url(encoder.encode(JSON.stringify({ alg: "HS256", kid: id })));
  const signed = encoder.encode(`${header}.${base64Url(encoder.encode(content))}`);
  const signature = await crypto.subtle.sign("HMAC", key, signed);
  return `${header}..${base64Url(new Uint8Array(signature))}`;
}
