// What a node proves itself with, as it finds it in the data directory (credentials.ts writes it).
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentServerTls } from "../agent/host/streaming/index.ts";
import { type ConnectionOptions, fromKubeconfig, type HttpsClient } from "../client/http/index.ts";
import { deepEqual } from "../lib/index.ts";
import type { DataDirectory } from "./data-directory.ts";

export interface NodeCredentials {
  /** For the agent. */
  readonly node: ConnectionOptions;
  /** For the service proxy and the DNS server. */
  readonly network: ConnectionOptions;
  /** For the agent's own port. */
  readonly serving: AgentServerTls;
}

export async function readNodeCredentials(directory: DataDirectory): Promise<NodeCredentials> {
  const keys = join(directory.agent, "pki");
  return {
    node: await fromKubeconfig(join(keys, "node.kubeconfig")),
    network: await fromKubeconfig(join(keys, "network.kubeconfig")),
    serving: {
      key: await readFile(join(keys, "serving.key"), "utf8"),
      certificate: await readFile(join(keys, "serving.crt"), "utf8"),
      clientCa: await readFile(join(keys, "ca.crt"), "utf8"),
    },
  };
}

/** Who uses a node's credentials. */
export interface NodeCredentialUsers {
  readonly node: Pick<HttpsClient, "renew">;
  readonly network: Pick<HttpsClient, "renew">;
  readonly serving: { renew(tls: AgentServerTls): void };
}

/** Takes what was issued anew into use; returns what is in use now. */
export async function takeRenewedCredentials(
  directory: DataDirectory,
  used: NodeCredentials,
  users: NodeCredentialUsers,
): Promise<NodeCredentials> {
  const found = await readNodeCredentials(directory);
  if (!deepEqual(found.serving, used.serving)) users.serving.renew(found.serving);
  for (const each of ["node", "network"] as const) {
    if (!deepEqual(found[each], used[each])) await users[each].renew(found[each]);
  }
  return found;
}
