import { clusterStatus } from "../cluster/index.ts";
import { nodesText } from "./nodes-text.ts";
import { existingCluster } from "./target.ts";

export async function status(options: { readonly dataDir?: string; readonly output: string }): Promise<void> {
  const { directory, settings } = existingCluster(options);
  const found = await clusterStatus(directory, settings);
  if (options.output === "json") {
    console.log(JSON.stringify(found, undefined, 2));
    return;
  }
  const line = (label: string, text: string) => console.log(`${label.padEnd(12)} ${text}`);
  line("cluster", `${found.name} (${found.version}), data in ${found.dataDirectory}`);
  line("API", `${found.endpoints.api} ${found.api.answers ? "answers" : `does not answer: ${found.api.problem}`}`);
  line("kubeconfig", found.endpoints.kubeconfig);
  for (const each of found.components) line(each.name, each.running ? `running, process ${each.pid}` : "stopped");
  for (const [label, text] of nodesText(found.nodes)) line(label, text);
  line("addresses", `pods ${found.ranges.pods}, services ${found.ranges.services}`);
  const { machine } = found;
  if (!machine) return;
  line("machine", `cgroups ${machine.cgroups}, ${machine.engine}, ${machine.runtime}, ${machine.snapshotter}`);
  for (const limit of machine.limits) line("limit", limit);
}
