import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { ConnectionOptions } from "./connection.ts";

/** What is read of a kubeconfig file (client-go's tools/clientcmd/api/v1). */
interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { name: string; context: { cluster: string; user: string } }[];
  readonly clusters?: readonly { name: string; cluster: ClusterEntry }[];
  readonly users?: readonly { name: string; user: UserEntry }[];
}

interface ClusterEntry {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "tls-server-name"?: string;
}

interface UserEntry {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

/**
 * What the current context of a kubeconfig file says about the server and the user; pass it on to `httpsClient`.
 * Throws when the file lacks a part. Users by exec plugin or auth provider are not taken.
 */
export async function fromKubeconfig(path: string): Promise<ConnectionOptions> {
  // YAML of a known kind; what is missing in it is looked for below.
  const config = (parse(await readFile(path, "utf8")) ?? {}) as Kubeconfig;
  const missing = (what: string) => new Error(`the kubeconfig ${path} has no ${what}`);
  const current = config["current-context"];
  const context = config.contexts?.find((each) => each.name === current)?.context;
  if (!context) throw missing(`context "${current ?? ""}"`);
  const cluster = config.clusters?.find((each) => each.name === context.cluster)?.cluster;
  if (cluster?.server === undefined) throw missing(`server for the cluster "${context.cluster}"`);
  const user = config.users?.find((each) => each.name === context.user)?.user ?? {};
  const pem = async (data: string | undefined, file: string | undefined) => {
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    return file === undefined ? undefined : await readFile(resolve(dirname(path), file), "utf8");
  };
  const ca = await pem(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const clientCertificate = await pem(user["client-certificate-data"], user["client-certificate"]);
  const clientKey = await pem(user["client-key-data"], user["client-key"]);
  const serverName = cluster["tls-server-name"];
  return {
    server: cluster.server,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(user.token === undefined ? {} : { token: user.token }),
    ...(user.tokenFile === undefined ? {} : { tokenFile: resolve(dirname(path), user.tokenFile) }),
  };
}
