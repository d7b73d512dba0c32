// What the parts of a cluster prove themselves with, as files of its data directory. The server and the commands have the
// authority and write them; the node is given its own and reads them (node-credentials.ts).
import { join } from "node:path";
import { gatewayOf, machineAddress } from "../network/index.ts";
import type { Listener, TlsFiles } from "../server/http/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import {
  type ClusterPki,
  makePrivateDirectory,
  renderKubeconfig,
  renewInKubeconfig,
  writeFileAtomically,
} from "./pki/index.ts";
import type { ClusterSettings } from "./settings.ts";
import { hollowNodesUser } from "./system-objects.ts";

/** The administrator's entry in a kubeconfig. */
export function administratorEntry(directory: DataDirectory, settings: ClusterSettings, pki: ClusterPki) {
  return {
    name: settings.name,
    owner: directory.settings,
    server: `https://127.0.0.1:${settings.port}`,
    authority: pki.authority.certificate,
    user: `${settings.name}-admin`,
    ...pki.admin,
  };
}

/** What the simulated nodes reach the API with. */
export const hollowKubeconfig = (directory: DataDirectory) => join(directory.hollow, "nodes.kubeconfig");

/** How the API server reaches the node's agent. */
export async function nodeAddresses({ podRange }: ClusterSettings): Promise<string[]> {
  return [(await machineAddress()) ?? gatewayOf(podRange), gatewayOf(podRange), "127.0.0.1"];
}

/** Writes what each component needs of the cluster's keys; `addresses` are those of the node. */
export async function writeCredentials(
  directory: DataDirectory,
  settings: ClusterSettings,
  pki: ClusterPki,
  addresses: readonly string[],
): Promise<void> {
  const entry = administratorEntry(directory, settings, pki);
  await writeSecret(directory.kubeconfig, renderKubeconfig(entry));
  if (settings.hollowNodes) {
    const hollow = await pki.component("hollow-nodes", { commonName: hollowNodesUser });
    await makePrivateDirectory(directory.hollow);
    const hollowEntry = { ...entry, user: hollowNodesUser, ...hollow };
    await writeSecret(hollowKubeconfig(directory), renderKubeconfig(hollowEntry));
  }
  if (settings.nodes === 0) return;
  const keys = join(directory.agent, "pki");
  await makePrivateDirectory(keys);
  const { client, serving } = await pki.node(settings.nodeName, addresses);
  const user = `system:node:${settings.nodeName}`;
  await writeSecret(join(keys, "node.kubeconfig"), renderKubeconfig({ ...entry, user, ...client }));
  await writeSecret(join(keys, "serving.crt"), serving.certificate);
  await writeSecret(join(keys, "serving.key"), serving.privateKey);
  await writeSecret(join(keys, "ca.crt"), pki.authority.certificate);
  // The proxy and the DNS server read Services of the whole cluster, which the node's own identity may not.
  const proxy = await pki.component("kube-proxy", { commonName: "system:kube-proxy" });
  const proxyEntry = { ...entry, user: "system:kube-proxy", ...proxy };
  await writeSecret(join(keys, "network.kubeconfig"), renderKubeconfig(proxyEntry));
}

const writeSecret = (path: string, content: string) => writeFileAtomically(path, content, 0o600);

/** What the API server shows to its clients. */
export function serverTls({ apiServer, authority, frontProxyAuthority }: ClusterPki): TlsFiles {
  return {
    key: apiServer.privateKey,
    certificate: apiServer.certificate,
    clientCa: authority.certificate,
    frontProxyCa: frontProxyAuthority.certificate,
  };
}

/** Issues anew what is near its end, serves with it, and writes it where the others read it. */
export async function renewCredentials(
  directory: DataDirectory,
  settings: ClusterSettings,
  { pki, listener, addresses }: { pki: ClusterPki; listener: Pick<Listener, "setTls">; addresses: readonly string[] },
): Promise<void> {
  if (await pki.renew()) listener.setTls(serverTls(pki));
  await writeCredentials(directory, settings, pki, addresses);
  await renewInKubeconfig(settings.kubeconfig, administratorEntry(directory, settings, pki));
}
