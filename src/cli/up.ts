import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { startCluster, type UpOptions } from "../cluster/index.ts";
import { directoryOf } from "./target.ts";

export async function up(options: UpOptions & { readonly dataDir?: string }): Promise<void> {
  const directory = directoryOf(options);
  const usual = join(homedir(), ".kube/config");
  const { dataDir: _, kubeconfig, ...rest } = options;
  const { schedulerPlugins } = rest;
  const wanted = {
    ...rest,
    ...(kubeconfig === undefined ? {} : { kubeconfig: resolve(kubeconfig) }),
    ...(schedulerPlugins ? { schedulerPlugins: schedulerPlugins.map((path) => resolve(path)) } : {}),
  };
  const result = await startCluster(directory, wanted, usual, (line) => console.log(line));
  const { settings } = result;
  if (result.wasRunning) {
    console.log(`cluster "${settings.name}" is already running`);
    return;
  }
  const command = result.merged ? "kubectl" : `kubectl --kubeconfig ${settings.kubeconfig}`;
  console.log(`cluster "${settings.name}" is up: try "${command} get pods --all-namespaces"`);
}
